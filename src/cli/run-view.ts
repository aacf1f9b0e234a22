import type { Run } from '../gen/fedctl/v1/runs.ts';
import { clockTime } from './duration.ts';
import { type Column, pairLines, tableLines } from './table.ts';
import { safeLine } from './text.ts';

/** `app==version`, as flwr shows it but for the leading @. */
export function appOf(run: Run): string {
  return run.appVersion === '' ? run.app : `${run.app}==${run.appVersion}`;
}

/** Seconds that the run has been or was running, by the server's clock `now` (RFC 3339); 0 before it started. */
export function elapsedOf(run: Run, now: string): number {
  const start = Date.parse(run.runningAt);
  const end = Date.parse(run.finishedAt || now);
  return Number.isNaN(start) || Number.isNaN(end) ? 0 : Math.max(0, (end - start) / 1000);
}

/** flwr's JSON keys of a run (1.32), then ours. Ids are strings: they have 64 bits. */
export function runDocument(run: Run, now: string) {
  const at = (time: string) => (time === '' ? 'N/A' : safeLine(time));
  return {
    'run-id': String(run.runId),
    federation: safeLine(run.federation),
    'fab-id': safeLine(run.app),
    'fab-name': safeLine(run.app.split('/').at(-1) ?? ''),
    'fab-version': safeLine(run.appVersion),
    'fab-hash': safeLine(run.bundleSha256),
    status: safeLine(run.status),
    'status-details': safeLine(run.reason),
    elapsed: elapsedOf(run, now),
    'pending-at': at(run.createdAt),
    'starting-at': at(run.startingAt),
    'running-at': at(run.runningAt),
    'finished-at': at(run.finishedAt),
    'created-at': at(run.createdAt),
    owner: safeLine(run.owner),
    mine: run.mine,
    'request-id': safeLine(run.requestId),
  };
}

const COLUMNS: readonly Column[] = [
  { title: 'RUN ID' },
  { title: 'APP', shrinks: true },
  { title: 'STATUS' },
  { title: 'ELAPSED' },
  { title: 'FEDERATION', shrinks: true, drop: 2 },
  { title: 'OWNER', shrinks: true, drop: 3 },
  { title: 'REASON', shrinks: true, drop: 1 },
];

/** Runs as a table that fits `width`, in the order given. */
export async function runTable(
  runs: readonly Run[],
  now: string,
  layout: { width: number; unicode: boolean },
): Promise<string[]> {
  const rows = runs.map((run) => [
    run.runId === 0n ? '-' : String(run.runId),
    appOf(run),
    run.status,
    run.runningAt === '' ? '-' : clockTime(elapsedOf(run, now)),
    run.federation,
    run.owner,
    run.reason,
  ]);
  return await tableLines(COLUMNS, rows, layout);
}

/** One run in full, a line per fact. */
export function runLines(run: Run, now: string): string[] {
  return pairLines([
    ['Run', String(run.runId)],
    ['App', appOf(run)],
    ['Bundle', run.bundleSha256],
    ['Status', run.status],
    ['Reason', run.reason],
    ['Elapsed', run.runningAt === '' ? '' : clockTime(elapsedOf(run, now))],
    ['Federation', run.federation],
    ['Owner', run.mine ? `${run.owner} (you)` : run.owner],
    ['Submitted', run.createdAt],
    ['Started', run.runningAt],
    ['Finished', run.finishedAt],
  ]);
}
