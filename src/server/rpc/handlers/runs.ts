import { createHash } from 'node:crypto';
import type { AccessQuestion } from '../../../core/access.ts';
import { AppError } from '../../../core/errors.ts';
import { claimGroup } from '../../../core/principals.ts';
import type { Run, RunFilter } from '../../../core/runs.ts';
import type { Caller } from '../../../core/services.ts';
import { type Call, callerOf, type Handlers, runOf, type Services } from '../call.ts';
import { decodeCursor, encodeCursor, type Position } from '../cursor.ts';
import type { ListRunsInput, SeenRun } from '../methods.ts';
import { askedOfRun } from '../targets.ts';
import { openFederation } from './federations/open.ts';
import { overSettings } from './federations/simulation.ts';
import { followLogs } from './logs.ts';

const PAGE = 20;
const MAX_PAGE = 1000;
/** Rows looked at for one page at most: a page that ends early has a cursor to go on from. */
const MAX_SCANNED = 5000;

type RunHandlers = Pick<Handlers, 'runs.start' | 'runs.list' | 'runs.get' | 'runs.stop' | 'runs.logs'>;

export const runHandlers: RunHandlers = {
  'runs.start': async (services, call, input) => {
    const caller = callerOf(call);
    const { id: federation, simulationConfig } = openFederation(call);
    const sha256 = createHash('sha256').update(input.bundle).digest('hex');
    if (input.bundleSha256 !== '' && input.bundleSha256.toLowerCase() !== sha256) {
      throw new AppError(
        'INVALID_ARGUMENT',
        'BUNDLE_HASH_MISMATCH',
        'The app bundle arrived damaged: its SHA-256 differs.',
        {
          hint: 'Submit it again.',
        },
      );
    }
    const bundle = await services.runs.verifyBundle(input.bundle);
    const federationConfig = overSettings(simulationConfig, input.federationConfig);
    const request = { ...input, federation, federationConfig };
    const run = await services.runs.submit(caller, bundle, request, { ...call.audit, bundle: sha256 });
    return { run, mine: true };
  },

  'runs.list': listRuns,

  'runs.get': async (services, call) => {
    const run = await services.runs.current(runOf(call).key);
    return { run: seen(run, callerOf(call)), now: services.clock.now() };
  },

  'runs.stop': async (services, call) => seen(await services.runs.stop(runOf(call)), callerOf(call)),

  'runs.logs': async (services, call, input) => followLogs(services, call, input),
};

/** A run with the caller's relation to it. */
export function seen(run: Run, caller: Caller): SeenRun {
  return { run, mine: run.ownerAccountId === caller.account.id };
}

/** A page of the runs that the caller may see. */
export async function listRuns(services: Services, call: Call, input: ListRunsInput) {
  const caller = callerOf(call);
  const limit = Math.min(input.limit || PAGE, MAX_PAGE);
  const filter = await visibleRows(services, caller, input);
  let position = decodeCursor(input.cursor);
  const runs: SeenRun[] = [];
  let skip = input.skip ?? 0;
  for (let scanned = 0; scanned < MAX_SCANNED; ) {
    const rows = await services.queries.listRuns(filter, limit + 1, position);
    const candidates = rows.slice(0, limit);
    const allowed = await checkRows(services, caller, candidates);
    for (const [index, run] of candidates.entries()) {
      if (runs.length === limit) return page(services, runs, position);
      position = positionOf(run);
      if (allowed[index] && skip-- <= 0) runs.push(seen(run, caller));
    }
    if (rows.length <= limit) return page(services, runs, undefined);
    if (runs.length === limit) return page(services, runs, position);
    scanned += candidates.length;
  }
  return page(services, runs, position);
}

function page(services: Services, runs: readonly SeenRun[], position: Position | undefined) {
  return { runs, nextCursor: position ? encodeCursor(position) : '', now: services.clock.now() };
}

function positionOf(run: Run): Position {
  return { createdAt: run.createdAt, key: run.key };
}

/** Rows that may be visible: mine, my federations' where I see every run, shared with me; all for system admins. Each is still checked. */
async function visibleRows(services: Services, caller: Caller, input: ListRunsInput): Promise<RunFilter> {
  const { subject, account } = caller;
  const narrow = {
    ...(input.idPrefix ? { idPrefix: input.idPrefix } : {}),
    ...(input.federation ? { federation: input.federation } : {}),
  };
  if (input.mine) return { ...narrow, ownerAccountId: account.id };
  const federations = (await services.federations.all()).map(({ id }) => id);
  const system: AccessQuestion = { subject, right: 'can_admin', object: { type: 'system' } };
  const questions = federations.map(
    (id): AccessQuestion => ({ subject, right: 'can_view', object: { type: 'federation', id } }),
  );
  const [isAdmin, ...views] = await services.checker.checkMany([system, ...questions]);
  if (isAdmin) return { ...narrow, all: true };
  const groups = subject.groups.map((name) => claimGroup(subject.issuerAlias, name));
  return {
    ...narrow,
    ownerAccountId: account.id,
    federations: federations.filter((_, index) => views[index]),
    sharedWith: [subject.principal, ...groups],
    sharedWithLocalGroups: true,
  };
}

async function checkRows(services: Services, caller: Caller, runs: readonly Run[]): Promise<readonly boolean[]> {
  const { subject } = caller;
  const answers = await services.checker.checkMany(runs.map((run) => askedOfRun(subject, 'can_view', run, services)));
  // A submit that never reached the engine has no id to show it by; its submitter was told so.
  return runs.map((run, index) => run.id !== undefined && answers[index] === true);
}
