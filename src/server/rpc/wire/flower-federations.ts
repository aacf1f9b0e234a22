import * as proto from '../../../gen/flwr/proto/control.ts';
import type { Federation } from '../../../gen/flwr/proto/federation.ts';
import { ShowFederationResponseBefore127 } from '../../../gen/flwr/proto/federation_before_127.ts';
import type { FederationDetail, SeenFederation } from '../methods.ts';
import { type Headers, KiB } from './binding.ts';
import { one } from './fedctl-v1-sessions.ts';
import { type FlowerCall, type FlowerCalls, flowerCall } from './flower-calls.ts';
import { namedFederation, UNNAMED_BEFORE_126 } from './flower-federation-names.ts';
import { toFlowerNode } from './flower-nodes.ts';
import { announcedMinor } from './flower-releases.ts';
import { toFlowerRun } from './flower-run-view.ts';
import { fromSimulationConfig, toSimulationConfig } from './scalars.ts';
import { flowerTime } from './times.ts';

const unary = { kind: 'unary', maxBytes: 64 * KiB } as const;

/** `RemoveAccountFromFederation` without an account: the caller leaves. */
const leave: FlowerCall<'federations.leave'> = {
  ...unary,
  method: 'federations.leave',
  decode: ([message]) => ({
    federation: namedFederation(proto.RemoveAccountFromFederationRequest.decode(one(message)).federationName),
  }),
  encode: () => proto.RemoveAccountFromFederationResponse.encode({}).finish(),
};

const show: FlowerCall<'federations.show'> = {
  ...unary,
  method: 'federations.show',
  decode: ([message]) => ({
    federation: namedFederation(proto.ShowFederationRequest.decode(one(message)).federationName),
  }),
  encode: (detail, headers) =>
    proto.ShowFederationResponse.encode({
      federation: inDetail(detail, headers),
      now: flowerTime(detail.now),
    }).finish(),
};

/** For the releases before 1.27 that give themselves away, by the name of a federation that nobody has named. */
const showBefore127: FlowerCall<'federations.show'> = { ...show, encode: detailBefore127 };

/** Fields of Flower's that say name hold the id, `@owner/name` (flower facts, section 6). */
export const federationCalls: FlowerCalls = {
  ListFederations: flowerCall<'federations.list'>({
    ...unary,
    method: 'federations.list',
    decode: ([message]) => proto.ListFederationsRequest.decode(one(message)) as Record<string, never>,
    encode: ({ federations }, headers) =>
      proto.ListFederationsResponse.encode({
        federations: federations.map((seen) => toFlower(seen, headers)),
      }).finish(),
  }),
  ShowFederation: flowerCall<'federations.show'>({
    ...show,
    instead: (message) =>
      proto.ShowFederationRequest.decode(message).federationName === UNNAMED_BEFORE_126
        ? flowerCall(showBefore127)
        : undefined,
  }),
  CreateFederation: flowerCall<'federations.create'>({
    ...unary,
    method: 'federations.create',
    decode: ([message]) => {
      const { federationName, description, simulation } = proto.CreateFederationRequest.decode(one(message));
      return { federation: federationName, description, simulation, engine: '' };
    },
    encode: (seen, headers) => proto.CreateFederationResponse.encode({ federation: toFlower(seen, headers) }).finish(),
  }),
  ArchiveFederation: flowerCall<'federations.archive'>({
    ...unary,
    method: 'federations.archive',
    decode: ([message]) => ({ federation: proto.ArchiveFederationRequest.decode(one(message)).federationName }),
    encode: () => proto.ArchiveFederationResponse.encode({}).finish(),
  }),
  AddNodeToFederation: flowerCall<'federations.add-node'>({
    ...unary,
    method: 'federations.add-node',
    decode: ([message]) => {
      const { federationName, nodeId } = proto.AddNodeToFederationRequest.decode(one(message));
      return { federation: namedFederation(federationName), nodeId };
    },
    encode: () => proto.AddNodeToFederationResponse.encode({}).finish(),
  }),
  RemoveNodeFromFederation: flowerCall<'federations.remove-node'>({
    ...unary,
    method: 'federations.remove-node',
    decode: ([message]) => {
      const { federationName, nodeId } = proto.RemoveNodeFromFederationRequest.decode(one(message));
      return { federation: namedFederation(federationName), nodeId };
    },
    encode: () => proto.RemoveNodeFromFederationResponse.encode({}).finish(),
  }),
  RemoveAccountFromFederation: flowerCall<'federations.remove-member'>({
    ...unary,
    method: 'federations.remove-member',
    instead: (message) =>
      proto.RemoveAccountFromFederationRequest.decode(message).accountName ? undefined : flowerCall(leave),
    decode: ([message]) => {
      const { federationName, accountName = '' } = proto.RemoveAccountFromFederationRequest.decode(one(message));
      return { federation: namedFederation(federationName), account: accountName };
    },
    encode: () => proto.RemoveAccountFromFederationResponse.encode({}).finish(),
  }),
  ConfigureSimulationFederation: flowerCall<'federations.configure-simulation'>({
    ...unary,
    method: 'federations.configure-simulation',
    decode: ([message]) => {
      const { federationName, config } = proto.ConfigureSimulationFederationRequest.decode(one(message));
      return { federation: namedFederation(federationName), config: fromSimulationConfig(config) };
    },
    encode: ({ federation }) =>
      proto.ConfigureSimulationFederationResponse.encode({ federationName: federation.id }).finish(),
  }),
};

/** In the numbering of 1.27 and later; nothing tells the releases before it from the next three. */
function toFlower({ federation, rights, memberCount }: SeenFederation, headers: Headers): Federation {
  return {
    name: federation.id,
    nodes: [],
    runs: [],
    // Where 1.24 to 1.26 read runs, and fail at any text: they list federations as long as there is none.
    description: announcedMinor(headers) === undefined ? '' : federation.description,
    members: [],
    archived: federation.archivedAt !== undefined,
    simulation: federation.simulation,
    config: federation.simulation ? toSimulationConfig(federation.simulationConfig) : undefined,
    canInviteMembers: rights.includes('can_admin'),
    canAddSupernodes: rights.includes('can_manage_nodes'),
    memberCount,
    iconKey: undefined,
  };
}

function inDetail({ seen, members, nodes, runs }: FederationDetail, headers: Headers): Federation {
  return {
    ...toFlower(seen, headers),
    nodes: nodes.map(toFlowerNode),
    runs: runs.map(toFlowerRun),
    members: members.map(({ who, accountId, role }) => ({ account: { id: accountId, name: who }, role })),
  };
}

function detailBefore127({ seen, members, nodes, runs, now }: FederationDetail): Uint8Array {
  const federation = {
    name: seen.federation.id,
    memberAids: members.map(({ who }) => who),
    nodes: nodes.map(toFlowerNode),
    runs: runs.map(toFlowerRun),
    description: seen.federation.description,
  };
  return ShowFederationResponseBefore127.encode({ federation, now: flowerTime(now) }).finish();
}
