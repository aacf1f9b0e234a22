import { status } from '@grpc/grpc-js';
import { FederationsService } from '../../src/gen/fedctl/v1/federations.ts';
import { SessionsService } from '../../src/gen/fedctl/v1/sessions.ts';
import { SupernodesService } from '../../src/gen/fedctl/v1/supernodes.ts';

/** One way in which a procedure names a run. */
export interface NamingCall {
  readonly path: string;
  /** How it names it, where there are several ways. */
  readonly way?: string;
  readonly request: (runId: bigint) => object;
  /** What the owner of a running run gets, one after the other in the order of the table. */
  readonly owner: number;
  /** Messages to wait for before hanging up, where the answer goes on with the run. */
  readonly take?: number;
}

const LIST = { limit: 20, cursor: '', federation: '', mine: false };
const grantOn = (id: bigint) => ({
  who: 'user:dev|somebody-new',
  role: 'viewer',
  object: `run:${id}`,
  forSeconds: 60n,
});

/** Every procedure that takes the id of a run, in every way in which it does. */
export const NAMES_RUN: readonly NamingCall[] = [
  {
    path: '/fedctl.v1.Runs/ListRuns',
    way: 'id',
    request: (runId) => ({ ...LIST, runIdPrefix: '', runId }),
    owner: status.OK,
  },
  {
    path: '/fedctl.v1.Runs/ListRuns',
    way: 'prefix',
    request: (id) => ({ ...LIST, runIdPrefix: String(id) }),
    owner: status.OK,
  },
  {
    path: '/fedctl.v1.Runs/StreamLogs',
    way: 'follow',
    request: (runId) => ({ runId, offset: 0n, follow: true }),
    owner: status.CANCELLED,
    take: 1,
  },
  {
    path: '/fedctl.v1.Runs/StreamLogs',
    way: 'show',
    request: (runId) => ({ runId, offset: 0n, follow: false }),
    owner: status.OK,
  },
  { path: '/fedctl.v1.Access/Can', request: (id) => ({ action: 'view', object: `run:${id}` }), owner: status.OK },
  { path: '/fedctl.v1.Access/Grant', request: grantOn, owner: status.OK },
  {
    path: '/fedctl.v1.Access/ListGrants',
    way: 'object',
    request: (id) => ({ who: '', object: `run:${id}` }),
    owner: status.OK,
  },
  {
    path: '/fedctl.v1.Access/ListGrants',
    way: 'who and object',
    request: (id) => ({ who: 'user:dev|somebody-new', object: `run:${id}` }),
    owner: status.OK,
  },
  { path: '/fedctl.v1.Access/Revoke', request: grantOn, owner: status.OK },
  // It has not ended.
  { path: '/fedctl.v1.Runs/PullArtifacts', request: (runId) => ({ runId }), owner: status.FAILED_PRECONDITION },
  { path: '/flwr.proto.Control/PullArtifacts', request: (runId) => ({ runId }), owner: status.FAILED_PRECONDITION },
  { path: '/flwr.proto.Control/ListRuns', request: (runId) => ({ runId, limit: undefined }), owner: status.OK },
  {
    path: '/flwr.proto.Control/StreamLogs',
    request: (runId) => ({ runId, afterTimestamp: 0 }),
    owner: status.CANCELLED,
    take: 1,
  },
  { path: '/fedctl.v1.Runs/StopRun', request: (runId) => ({ runId }), owner: status.OK },
  // The owner learns that it has ended by now.
  { path: '/flwr.proto.Control/StopRun', request: (runId) => ({ runId }), owner: status.FAILED_PRECONDITION },
];

/** Served, and no field of the request can hold the id of a run. */
export const NAMES_NO_RUN: readonly string[] = [
  ...Object.values(SessionsService).map(({ path }) => path),
  '/fedctl.v1.Runs/StartRun',
  '/fedctl.v1.Access/WhoIs',
  ...[...Object.values(FederationsService), ...Object.values(SupernodesService)].map(({ path }) => path),
  ...['GetLoginDetails', 'GetAuthTokens', 'StartRun', 'ListNodes', 'RegisterNode', 'UnregisterNode'].map(flowers),
  ...['ListFederations', 'ShowFederation', 'CreateFederation', 'ArchiveFederation'].map(flowers),
  ...['AddNodeToFederation', 'RemoveNodeFromFederation', 'RemoveAccountFromFederation'].map(flowers),
  ...['ConfigureSimulationFederation', 'CreateInvitation', 'ListInvitations', 'AcceptInvitation'].map(flowers),
  ...['RejectInvitation', 'RevokeInvitation'].map(flowers),
];

function flowers(name: string): string {
  return `/flwr.proto.Control/${name}`;
}
