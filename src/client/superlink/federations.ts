import type { BundleFamily } from '../../core/engine.ts';
import { AppError } from '../../core/errors.ts';
import { rpcs } from '../../flower/rpcs.ts';
import { type FlowerShapes, shapesOf } from '../../flower/shapes.ts';
import { toSimulationConfig } from '../../flower/values.ts';
import type * as fedctl from '../../gen/fedctl/v1/federations.ts';
import type { Supernode } from '../../gen/fedctl/v1/supernodes.ts';
import {
  Federation as FlowerFederation,
  type Invitation as FlowerInvitation,
} from '../../gen/flwr/proto/federation.ts';
import type { NodeInfo } from '../../gen/flwr/proto/node.ts';
import type { Remote } from '../remote.ts';
import { nobodyOr } from './run-facts.ts';
import { plainConfig } from './scalars.ts';
import type { SuperlinkSession } from './session.ts';

type Federations = Pick<
  Remote,
  | 'listSupernodes'
  | 'registerSupernode'
  | 'unregisterSupernode'
  | 'listFederations'
  | 'showFederation'
  | 'createFederation'
  | 'archiveFederation'
  | 'addSupernode'
  | 'removeSupernode'
  | 'removeMember'
  | 'configureSimulation'
  | 'createInvitation'
  | 'listInvitations'
  | 'acceptInvitation'
  | 'rejectInvitation'
  | 'revokeInvitation'
>;

/** Federations and SuperNodes of a SuperLink; what an open one does not manage it refuses itself. */
export function superlinkFederations(session: SuperlinkSession, family: () => Promise<BundleFamily>): Federations {
  const shapes = async (): Promise<FlowerShapes> => shapesOf(await family());

  async function list(): Promise<readonly FlowerFederation[]> {
    return (await session.call((await shapes()).listFederations, {})).federations;
  }

  async function show(federationName: string): Promise<{ federation: FlowerFederation; now: string }> {
    const { showFederation } = await shapes();
    const { federation, now } = await session
      .call(showFederation, { federationName })
      .catch(async (error: AppError) => {
        // An open SuperLink fails at an id that it doesn't know, and says no more than that.
        const known = error.code === 'INTERNAL' ? await list().catch(() => undefined) : undefined;
        throw known?.every(({ name }) => name !== federationName) ? unknownFederation(federationName, error) : error;
      });
    if (federation === undefined) throw unknownFederation(federationName);
    return { federation, now };
  }

  return {
    async listSupernodes({ federation }) {
      if (federation !== '') {
        const shown = await show(federation);
        return { supernodes: shown.federation.nodes.map(supernodeOf), now: shown.now };
      }
      const { nodesInfo, now } = await session.call((await shapes()).listNodes, {});
      return { supernodes: nodesInfo.map(supernodeOf), now };
    },
    async registerSupernode({ publicKey, name, location }) {
      const request = { publicKey, name: orNothing(name), location: orNothing(location) };
      return { nodeId: (await session.call(rpcs.registerNode, request)).nodeId ?? 0n };
    },
    unregisterSupernode: ({ nodeId }) => session.call(rpcs.unregisterNode, { nodeId }),
    async listFederations() {
      return { federations: (await list()).map(federationOf) };
    },
    async showFederation({ federation }) {
      const { federation: shown } = await show(federation);
      // Where there is no login the one member is nobody.
      const members = shown.members.map(memberOf).filter(({ who }) => who !== '');
      return { federation: federationOf(shown), members };
    },
    async createFederation({ federation: id, description, simulation }) {
      // The owner is whoever asks.
      const federationName = id.replace(/^@[^/]*\//, '');
      const { federation } = await session.call(rpcs.createFederation, { federationName, description, simulation });
      return { federation: federationOf(federation ?? FlowerFederation.fromPartial({ name: id })) };
    },
    archiveFederation: ({ federation }) => session.call(rpcs.archiveFederation, { federationName: federation }),
    addSupernode: ({ federation, nodeId }) =>
      session.call(rpcs.addNodeToFederation, { federationName: federation, nodeId }),
    removeSupernode: ({ federation, nodeId }) =>
      session.call(rpcs.removeNodeFromFederation, { federationName: federation, nodeId }),
    removeMember: ({ federation, account }) =>
      session.call(rpcs.removeAccountFromFederation, { federationName: federation, accountName: orNothing(account) }),
    async configureSimulation({ federation, config }) {
      const wire = toSimulationConfig(plainConfig(config));
      await session.call(rpcs.configureSimulationFederation, { federationName: federation, config: wire });
      return { federation: federationOf((await show(federation)).federation) };
    },
    async createInvitation({ federation, invitee, role }) {
      await session.call(rpcs.createInvitation, { federationName: federation, inviteeAccountName: invitee });
      const invitation = { federation, inviter: '', invitee, role, status: 'pending', createdAt: '', changedAt: '' };
      return { invitation };
    },
    async listInvitations() {
      const answer = await session.call(rpcs.listInvitations, {});
      return {
        created: answer.createdInvitations.map(invitationOf),
        received: answer.receivedInvitations.map(invitationOf),
      };
    },
    acceptInvitation: ({ federation }) => session.call(rpcs.acceptInvitation, { federationName: federation }),
    rejectInvitation: ({ federation }) => session.call(rpcs.rejectInvitation, { federationName: federation }),
    revokeInvitation: ({ federation, invitee }) =>
      session.call(rpcs.revokeInvitation, { federationName: federation, inviteeAccountName: invitee }),
  };
}

function unknownFederation(id: string, cause?: unknown): AppError {
  const text = `The SuperLink has no federation ${id}.`;
  return new AppError('NOT_FOUND', 'FEDERATION_NOT_FOUND', text, { hint: 'See: fedctl federation ls', cause });
}

function orNothing(text: string): string | undefined {
  return text === '' ? undefined : text;
}

function supernodeOf(node: NodeInfo): Supernode {
  return {
    nodeId: node.nodeId,
    status: node.status,
    engine: '',
    federations: [],
    owner: nobodyOr(node.ownerName, node.ownerAid),
    mine: false,
    registeredAt: node.registeredAt,
    lastActivatedAt: node.lastActivatedAt ?? '',
    lastDeactivatedAt: node.lastDeactivatedAt ?? '',
    unregisteredAt: node.unregisteredAt ?? '',
    publicKey: node.publicKey,
    name: node.name ?? '',
    location: node.location ?? '',
  };
}

function federationOf(federation: FlowerFederation): fedctl.Federation {
  const { name, description, archived, simulation, members, memberCount } = federation;
  return {
    id: name,
    description,
    engine: '',
    archived,
    simulation,
    simulationConfig: {},
    createdAt: '',
    rights: [],
    memberCount: memberCount ?? members.length,
    isDefault: false,
  };
}

function memberOf({ account, role }: FlowerFederation['members'][number]): fedctl.Member {
  return { who: nobodyOr(account?.name ?? '', account?.id ?? ''), role, until: '' };
}

function invitationOf(invitation: FlowerInvitation): fedctl.Invitation {
  return {
    federation: invitation.federationName,
    inviter: invitation.inviter?.name ?? '',
    invitee: invitation.invitee?.name ?? '',
    role: '',
    status: invitation.status,
    createdAt: invitation.createdAt,
    changedAt: invitation.statusChangedAt,
  };
}
