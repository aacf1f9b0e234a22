import type { AccessObject, AccessQuestion, Right, Subject } from '../../core/access.ts';
import { AppError } from '../../core/errors.ts';
import { checkFederationId, FEDERATION_ID, ownedFederation, parseRunId, type RunId } from '../../core/ids.ts';
import type { NodeId } from '../../core/nodes.ts';
import type { Run } from '../../core/runs.ts';
import type { Services, Target } from './call.ts';
import type { PolicyRow } from './policy.ts';

/** Stands in for a run that does not exist: asking about it costs the same and always ends in "no" (security.md T-35). */
const NOBODY = 'user:nobody|nobody';

/** What the policy's `on` means for one input. `right` is undefined where nothing is asked. */
export interface Question {
  readonly target: Target;
  readonly right: Right | undefined;
  /** What the audit row names, where it is not what the right is asked on. */
  readonly named?: AccessObject;
  /** The object does not exist, and the answer must not tell. */
  readonly hidden: boolean;
  /** Why it is not known whether the object exists: the answer to who may not see it, whether it does or not. */
  readonly unanswered?: unknown;
}

/** The object that a policy row asks about, found in the input of the call. `owner`: account name of the caller, or "". */
export async function questionOf(row: PolicyRow, input: unknown, services: Services, owner: string): Promise<Question> {
  const question = await askedBy(row, input, services);
  if (row.names === undefined) return question;
  const { federation = '' } = input as { federation?: string };
  const id = federationNamed(ownedFederation(federation, owner), services);
  return { ...question, named: { type: 'federation', id } };
}

async function askedBy(row: PolicyRow, input: unknown, services: Services): Promise<Question> {
  const fields = input as { federation?: string; runId?: RunId; nodeId?: NodeId; object?: string };
  switch (row.on) {
    case 'nothing':
    case 'each':
      return { target: { object: undefined }, right: undefined, hidden: false };
    case 'system':
      return asked(row, { type: 'system' });
    case 'federation':
      return federationQuestion(row, fields.federation ?? '', services);
    case 'run':
      return runQuestion(row, fields.runId ?? 0n, services);
    case 'node':
      return nodeQuestion(row, fields.nodeId ?? 0n, services);
    case 'object':
      return objectQuestion(row, fields.object ?? '', services);
  }
}

function asked(row: PolicyRow, object: AccessObject): Question {
  return { target: { object }, right: rightFor(row, object.type), hidden: false };
}

function rightFor(row: PolicyRow, type: AccessObject['type']): Right | undefined {
  if (typeof row.right !== 'object') return row.right;
  return type === 'supernode' ? undefined : row.right[type];
}

async function runQuestion(row: PolicyRow, id: RunId, services: Services): Promise<Question> {
  const run = await services.queries.runById(id);
  return { target: { object: runObject(id, run, services), run }, right: rightFor(row, 'run'), hidden: !run };
}

/** What is decided on it stands in node-access.ts. An unknown one gets a stand-in: asking about it costs the same. */
async function nodeQuestion(row: PolicyRow, id: NodeId, services: Services): Promise<Question> {
  let failure: unknown;
  const found = await services.nodes.find(id).catch((error: unknown) => {
    failure = error;
    return undefined;
  });
  const { owner, federation } = found?.row ?? { owner: NOBODY, federation: services.facts.defaultFederation };
  const object = { type: 'supernode', id: `${found?.engine ?? ''}/${id}`, owner, federation } as const;
  const unanswered = failure ?? found?.unanswered;
  return { target: { object, node: found }, right: rightFor(row, 'supernode'), hidden: !found, unanswered };
}

async function objectQuestion(row: PolicyRow, text: string, services: Services): Promise<Question> {
  // Without an object everything is meant: for those who administer the system.
  const object = text === '' ? ({ type: 'system' } as const) : parseObject(text);
  if (object.type === 'run') return runQuestion(row, object.id, services);
  if (object.type === 'federation') return federationQuestion(row, object.id, services);
  // Local groups belong to no federation: the system's admins keep them.
  if (object.type === 'group') return { target: { object: { type: 'system' } }, right: 'can_admin', hidden: false };
  return asked(row, object);
}

/** What is asked about a row. A run that nobody submitted through us is of no account and no federation: it is the system admins'. */
export function askedOfRun(subject: Subject, right: Right, run: Run, services: Services): AccessQuestion {
  if (run.quarantined) return { subject, right: 'can_admin', object: { type: 'system' } };
  return { subject, right, object: runObject(run.id ?? 0n, run, services) };
}

/** The run as OpenFGA is asked about it; a stand-in where there is no row. */
export function runObject(id: RunId, run: Run | undefined, services: Services): AccessObject {
  return {
    type: 'run',
    id,
    owner: run?.owner || NOBODY,
    federation: run?.federation || services.facts.defaultFederation,
  };
}

/** "" is the default. @throws INVALID_ARGUMENT FEDERATION_ID_INVALID */
export function federationNamed(id: string, { facts }: Pick<Services, 'facts'>): string {
  return id === '' ? facts.defaultFederation : checkFederationId(id);
}

async function federationQuestion(row: PolicyRow, text: string, services: Services): Promise<Question> {
  const id = federationNamed(text, services);
  const federation = await services.federations.find(id);
  const target = { object: { type: 'federation', id }, federation } as const;
  return { target, right: rightFor(row, 'federation'), hidden: !federation };
}

export type NamedObject =
  | { readonly type: 'system' }
  | { readonly type: 'federation'; readonly id: string }
  | { readonly type: 'run'; readonly id: RunId }
  | { readonly type: 'group'; readonly name: string };

/** Reads `system | federation:@o/n | run:ID | group:NAME`. @throws INVALID_ARGUMENT OBJECT_INVALID */
export function parseObject(text: string): NamedObject {
  if (text === 'system' || text === 'system:fedctl') return { type: 'system' };
  const [, type, rest = ''] = /^(federation|run|group):(.*)$/s.exec(text) ?? [];
  if (type === 'federation' && FEDERATION_ID.test(rest)) return { type, id: rest };
  const id = type === 'run' ? parseRunId(rest) : undefined;
  if (id !== undefined) return { type: 'run', id };
  if (type === 'group' && rest.length > 0 && rest.length <= 200) return { type, name: rest };
  throw new AppError('INVALID_ARGUMENT', 'OBJECT_INVALID', 'That is not an object that rights can be given on.', {
    hint: 'Write system, federation:@owner/name, run:ID or group:NAME.',
  });
}
