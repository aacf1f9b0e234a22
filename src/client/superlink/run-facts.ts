import { AppError } from '../../core/errors.ts';
import { STATUS_REASONS } from '../../core/runs.ts';
import type { Run } from '../../gen/fedctl/v1/runs.ts';
import type { Run as FlowerRun } from '../../gen/flwr/proto/run.ts';

/** What a SuperLink without login calls everybody (flower/facts 1.1). */
const NOBODY: readonly string[] = ['', 'none', '<none>', '<id:none>', 'sys_noauth'];

/** Flower's run in the words of fedctl.v1. What a SuperLink doesn't know is empty; nobody is told that a run is theirs. */
export function runOf(run: FlowerRun): Run {
  const status = statusOf(run);
  const details = run.status?.details ?? '';
  return {
    runId: run.runId,
    app: run.fabId,
    appVersion: run.fabVersion,
    bundleSha256: run.fabHash,
    status,
    reason: details === '' ? ((STATUS_REASONS as Readonly<Record<string, string>>)[status] ?? '') : details,
    federation: run.federation,
    owner: nobodyOr(run.accountName, run.flwrAid),
    mine: false,
    createdAt: run.pendingAt,
    startingAt: run.startingAt,
    runningAt: run.runningAt,
    finishedAt: run.finishedAt,
    requestId: '',
  };
}

/** "running", "finished:completed" (flower/facts section 6). */
function statusOf({ status }: FlowerRun): string {
  const { status: main = '', subStatus = '' } = status ?? {};
  return subStatus === '' ? main : `${main}:${subStatus}`;
}

/** The first of these names of an account that stands for somebody; else "". */
export function nobodyOr(...names: readonly string[]): string {
  return names.find((name) => !NOBODY.includes(name)) ?? '';
}

export function isOver({ status }: Pick<Run, 'status'>): boolean {
  return status.startsWith('finished');
}

/** A page of runs as a person asked for it: a SuperLink knows no cursor, no prefix, and releases before 1.27 no limit. */
export interface PageRequest {
  readonly runIdPrefix: string;
  readonly limit: number;
  readonly cursor: string;
  readonly federation: string;
}

const DEFAULT_LIMIT = 20;

export function pageSize({ limit }: Pick<PageRequest, 'limit'>): number {
  return limit === 0 ? DEFAULT_LIMIT : limit;
}

/** Cuts a page out of all runs, newest first. The cursor names the last run shown, so that new ones shift nothing. */
export function pageOf(runs: readonly Run[], request: PageRequest): { runs: Run[]; nextCursor: string } {
  const { runIdPrefix, cursor, federation } = request;
  const wanted = runs
    .filter((run) => String(run.runId).startsWith(runIdPrefix))
    .filter((run) => federation === '' || run.federation === federation)
    .sort(newestFirst);
  const place = placeOf(cursor);
  const from = place === undefined ? 0 : wanted.findIndex((run) => newestFirst(place, run) < 0);
  const rest = from < 0 ? [] : wanted.slice(from);
  const page = rest.slice(0, pageSize(request));
  const last = page.at(-1);
  return { runs: page, nextCursor: last === undefined || page.length === rest.length ? '' : cursorOf(last) };
}

type Place = Pick<Run, 'runId' | 'createdAt'>;

function newestFirst(a: Place, b: Place): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? 1 : -1;
  return a.runId === b.runId ? 0 : a.runId < b.runId ? 1 : -1;
}

function cursorOf({ runId, createdAt }: Place): string {
  return Buffer.from(`${runId} ${createdAt}`).toString('base64url');
}

/** @throws INVALID_ARGUMENT CURSOR_INVALID */
function placeOf(cursor: string): Place | undefined {
  if (cursor === '') return undefined;
  const [, id, createdAt = ''] = /^([0-9]{1,20}) (\S*)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (id !== undefined) return { runId: BigInt(id), createdAt };
  throw new AppError('INVALID_ARGUMENT', 'CURSOR_INVALID', 'That cursor is none that fedctl gave out.', {
    hint: 'Leave --cursor out to begin with the newest runs.',
  });
}
