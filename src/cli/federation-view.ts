import { RIGHTS } from '../core/access.ts';
import type { Federation, Invitation, Member } from '../gen/fedctl/v1/federations.ts';
import type { Scalar } from '../gen/flwr/proto/transport.ts';
import { rightName } from './identity-view.ts';
import { type ColumnOf, tableOf } from './layout.ts';
import type { Stdio } from './stdio.ts';
import { pairLines } from './table.ts';
import { safeLine } from './text.ts';

const timeOrNull = (text: string) => (text === '' ? null : safeLine(text));

export function federationDocument(federation: Federation) {
  return {
    id: safeLine(federation.id),
    description: safeLine(federation.description),
    archived: federation.archived,
    simulation: federation.simulation,
    'simulation-config': configDocument(federation.simulationConfig),
    engine: safeLine(federation.engine),
    'created-at': timeOrNull(federation.createdAt),
    rights: federation.rights.map(safeLine),
    'member-count': federation.memberCount,
    default: federation.isDefault,
  };
}

function configDocument(config: Federation['simulationConfig']) {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [safeLine(key), plainValue(value)]));
}

function plainValue(value: Scalar): string | number | boolean | null {
  const plain = value.bool ?? value.sint64 ?? value.uint64 ?? value.double ?? value.string;
  if (typeof plain === 'bigint') return Number(plain);
  return typeof plain === 'string' ? safeLine(plain) : (plain ?? null);
}

function stateOf({ archived, simulation }: Federation): string {
  return [archived ? 'archived' : '', simulation ? 'simulation' : ''].filter((word) => word !== '').join(', ');
}

/** "all" is shorter than nine words. */
function rightsText({ rights }: Federation): string {
  return RIGHTS.every((right) => rights.includes(right)) ? 'all' : rights.map(rightName).join(', ');
}

const COLUMNS: readonly ColumnOf<Federation>[] = [
  { title: 'FEDERATION', cell: ({ id, isDefault }) => (isDefault ? `${id} (default)` : id) },
  { title: 'STATE', cell: stateOf },
  { title: 'MEMBERS', drop: 2, cell: ({ memberCount }) => (memberCount === 0 ? '' : String(memberCount)) },
  { title: 'ENGINE', drop: 3, cell: ({ engine }) => engine },
  { title: 'YOUR RIGHTS', shrinks: true, cell: rightsText },
  { title: 'DESCRIPTION', shrinks: true, drop: 1, cell: ({ description }) => description },
];

export async function federationTable(federations: readonly Federation[], stdio: Stdio): Promise<string[]> {
  return await tableOf(COLUMNS, federations, stdio);
}

export function memberDocument({ who, role, until }: Member) {
  return { who: safeLine(who), role: safeLine(role), until: timeOrNull(until) };
}

const MEMBER_COLUMNS: readonly ColumnOf<Member>[] = [
  { title: 'MEMBER', shrinks: true, cell: ({ who }) => who },
  { title: 'ROLE', cell: ({ role }) => role },
  { title: 'UNTIL', drop: 1, cell: ({ until }) => until },
];

/** One federation in full. */
export async function federationLines(
  federation: Federation,
  members: readonly Member[],
  stdio: Stdio,
): Promise<string[]> {
  const config = Object.entries(configDocument(federation.simulationConfig));
  const facts = pairLines([
    ['Federation', federation.isDefault ? `${federation.id} (default)` : federation.id],
    ['Description', federation.description],
    ['State', stateOf(federation)],
    ['Engine', federation.engine],
    ['Made', federation.createdAt],
    ['Your rights', rightsText(federation)],
    ['Simulation', config.map(([key, value]) => `${key}=${value}`).join(' ')],
  ]);
  return members.length === 0 ? facts : [...facts, '', ...(await tableOf(MEMBER_COLUMNS, members, stdio))];
}

function invitationDocument(invitation: Invitation) {
  return {
    'federation-id': safeLine(invitation.federation),
    role: safeLine(invitation.role),
    status: safeLine(invitation.status),
    'created-at': timeOrNull(invitation.createdAt),
    'status-changed-at': timeOrNull(invitation.changedAt),
  };
}

/** flwr's keys: who was invited, in those that were made here. */
export function createdDocument(invitation: Invitation) {
  return { ...invitationDocument(invitation), invited: safeLine(invitation.invitee) };
}

/** flwr's keys: by whom, in those that came to the caller. */
export function receivedDocument(invitation: Invitation) {
  return { ...invitationDocument(invitation), 'invited-by': safeLine(invitation.inviter) };
}

const INVITATION_COLUMNS: readonly ColumnOf<Invitation>[] = [
  { title: 'FEDERATION', cell: ({ federation }) => federation },
  { title: 'INVITED', shrinks: true, cell: ({ invitee }) => invitee },
  { title: 'BY', shrinks: true, cell: ({ inviter }) => inviter },
  { title: 'ROLE', cell: ({ role }) => role },
  { title: 'STATUS', cell: ({ status }) => status },
  { title: 'SINCE', drop: 1, cell: ({ changedAt }) => changedAt.replace(/\.\d+/, '') },
];

export async function invitationTable(invitations: readonly Invitation[], stdio: Stdio): Promise<string[]> {
  return await tableOf(INVITATION_COLUMNS, invitations, stdio);
}
