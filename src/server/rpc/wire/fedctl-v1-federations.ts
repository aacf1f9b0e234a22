import { wireConfig } from '../../../core/scalars.ts';
import { plainText } from '../../../core/text.ts';
import * as proto from '../../../gen/fedctl/v1/federations.ts';
import type { SeenFederation, SeenMember } from '../methods.ts';
import { type Binding, bind, KiB } from './binding.ts';
import { one } from './fedctl-v1-sessions.ts';
import { fromWireConfig } from './scalars.ts';
import { rfc3339 } from './times.ts';

const SERVICE = '/fedctl.v1.Federations';
const unary = { kind: 'unary', maxBytes: 64 * KiB } as const;
/** More than any issuer and subject; a name that is longer names nobody. */
const MAX_NAME = 2000;

const leave = bind<'federations.leave'>({
  ...unary,
  path: `${SERVICE}/RemoveMember`,
  method: 'federations.leave',
  decode: ([message]) => ({ federation: proto.RemoveMemberRequest.decode(one(message)).federation }),
  encode: () => proto.RemoveMemberResponse.encode({}).finish(),
});

export const federationBindings: readonly Binding[] = [
  bind<'federations.list'>({
    ...unary,
    path: `${SERVICE}/ListFederations`,
    method: 'federations.list',
    decode: () => ({}),
    encode: ({ federations }) =>
      proto.ListFederationsResponse.encode({ federations: federations.map(toWire) }).finish(),
  }),
  bind<'federations.show'>({
    ...unary,
    path: `${SERVICE}/ShowFederation`,
    method: 'federations.show',
    decode: ([message]) => proto.ShowFederationRequest.decode(one(message)),
    encode: ({ seen, members }) =>
      proto.ShowFederationResponse.encode({ federation: toWire(seen), members: members.map(toWireMember) }).finish(),
  }),
  bind<'federations.create'>({
    ...unary,
    path: `${SERVICE}/CreateFederation`,
    method: 'federations.create',
    decode: ([message]) => proto.CreateFederationRequest.decode(one(message)),
    encode: (seen) => proto.CreateFederationResponse.encode({ federation: toWire(seen) }).finish(),
  }),
  bind<'federations.archive'>({
    ...unary,
    path: `${SERVICE}/ArchiveFederation`,
    method: 'federations.archive',
    decode: ([message]) => proto.ArchiveFederationRequest.decode(one(message)),
    encode: () => proto.ArchiveFederationResponse.encode({}).finish(),
  }),
  bind<'federations.add-node'>({
    ...unary,
    path: `${SERVICE}/AddSupernode`,
    method: 'federations.add-node',
    decode: ([message]) => proto.AddSupernodeRequest.decode(one(message)),
    encode: () => proto.AddSupernodeResponse.encode({}).finish(),
  }),
  bind<'federations.remove-node'>({
    ...unary,
    path: `${SERVICE}/RemoveSupernode`,
    method: 'federations.remove-node',
    decode: ([message]) => proto.RemoveSupernodeRequest.decode(one(message)),
    encode: () => proto.RemoveSupernodeResponse.encode({}).finish(),
  }),
  bind<'federations.remove-member'>({
    ...unary,
    path: `${SERVICE}/RemoveMember`,
    method: 'federations.remove-member',
    instead: (message) => (proto.RemoveMemberRequest.decode(message).account === '' ? leave : undefined),
    decode: ([message]) => {
      const { federation, account } = proto.RemoveMemberRequest.decode(one(message));
      return { federation, account: plainText(account, MAX_NAME) };
    },
    encode: () => proto.RemoveMemberResponse.encode({}).finish(),
  }),
  bind<'federations.configure-simulation'>({
    ...unary,
    path: `${SERVICE}/ConfigureSimulation`,
    method: 'federations.configure-simulation',
    decode: ([message]) => {
      const { federation, config } = proto.ConfigureSimulationRequest.decode(one(message));
      return { federation, config: fromWireConfig(config) };
    },
    encode: (seen) => proto.ConfigureSimulationResponse.encode({ federation: toWire(seen) }).finish(),
  }),
];

function toWire({ federation, rights, memberCount, isDefault }: SeenFederation): proto.Federation {
  const { id, description, engine, simulation, simulationConfig, createdAt, archivedAt } = federation;
  return {
    id,
    description,
    engine,
    archived: archivedAt !== undefined,
    simulation,
    simulationConfig: wireConfig(simulationConfig),
    createdAt: rfc3339(createdAt),
    rights: [...rights],
    memberCount,
    isDefault,
  };
}

function toWireMember({ who, role, until }: SeenMember): proto.Member {
  return { who, role, until: rfc3339(until) };
}
