import { status } from '@grpc/grpc-js';

/** A call of somebody without rights, and what its audit row must hold. */
export interface RefusedCall {
  readonly path: string;
  readonly request: object | Uint8Array;
  readonly code: number;
  readonly row: {
    readonly action: string;
    readonly object?: string;
    readonly asked_right?: string;
    readonly decision?: string;
    readonly reason?: string;
  };
}

const FEDERATIONS = '/fedctl.v1.Federations';
const SUPERNODES = '/fedctl.v1.Supernodes';
const NOWHERE = '@nobody/nothing';
const EVERYTHING = Buffer.alloc(0);

/** Procedures whose right is asked on a federation, by the method that they are. */
const ON_FEDERATION: readonly (readonly [path: string, action: string, fields: object])[] = [
  [`${FEDERATIONS}/ShowFederation`, 'federations.show', {}],
  [`${FEDERATIONS}/ArchiveFederation`, 'federations.archive', {}],
  [`${FEDERATIONS}/AddSupernode`, 'federations.add-node', { nodeId: 5n }],
  [`${FEDERATIONS}/RemoveSupernode`, 'federations.remove-node', { nodeId: 5n }],
  [`${FEDERATIONS}/RemoveMember`, 'federations.remove-member', { account: 'alice' }],
  [`${FEDERATIONS}/RemoveMember`, 'federations.leave', { account: '' }],
  [`${FEDERATIONS}/ConfigureSimulation`, 'federations.configure-simulation', { config: {} }],
  [`${FEDERATIONS}/CreateInvitation`, 'invitations.create', { invitee: 'alice', role: '' }],
  [`${FEDERATIONS}/RevokeInvitation`, 'invitations.revoke', { invitee: 'alice' }],
  [`${SUPERNODES}/RegisterSupernode`, 'nodes.register', { publicKey: EVERYTHING, name: '', location: '' }],
];

const LISTS: readonly (readonly [path: string, action: string])[] = [
  [`${FEDERATIONS}/ListFederations`, 'federations.list'],
  [`${FEDERATIONS}/ListInvitations`, 'invitations.list'],
  [`${SUPERNODES}/ListSupernodes`, 'nodes.list'],
];

/** Federations, invitations, SuperNodes and artifacts. */
export const OTHER_CALLS: readonly RefusedCall[] = [
  ...LISTS.map(([path, action]) => ({
    path,
    request: EVERYTHING,
    code: status.OK,
    row: { action, decision: 'allow' },
  })),
  {
    path: `${FEDERATIONS}/CreateFederation`,
    request: { federation: NOWHERE, description: '', simulation: false, engine: '' },
    code: status.PERMISSION_DENIED,
    row: {
      action: 'federations.create',
      object: `federation:${NOWHERE}`,
      asked_right: 'can_admin',
      decision: 'deny',
      reason: 'NOT_PERMITTED',
    },
  },
  ...ON_FEDERATION.map(([path, action, fields]) => ({
    path,
    request: { federation: NOWHERE, ...fields },
    code: status.NOT_FOUND,
    row: { action, object: `federation:${NOWHERE}`, decision: 'deny', reason: 'FEDERATION_NOT_FOUND' },
  })),
  // No right is asked: whoever is invited may answer.
  ...(['Accept', 'Reject'] as const).map((verb) => ({
    path: `${FEDERATIONS}/${verb}Invitation`,
    request: { federation: NOWHERE },
    code: status.NOT_FOUND,
    row: { action: `invitations.${verb.toLowerCase()}`, object: `federation:${NOWHERE}`, asked_right: '' },
  })),
  {
    path: `${SUPERNODES}/UnregisterSupernode`,
    request: { nodeId: 5n },
    code: status.NOT_FOUND,
    row: { action: 'nodes.unregister', decision: 'deny', reason: 'NODE_NOT_FOUND' },
  },
  {
    path: '/fedctl.v1.Runs/PullArtifacts',
    request: { runId: 5n },
    code: status.NOT_FOUND,
    row: { action: 'runs.pull', object: 'run:5', asked_right: 'can_pull', decision: 'deny', reason: 'RUN_NOT_FOUND' },
  },
];
