import { STATUS_REASONS } from '../core/runs.ts';
import type { Run } from '../gen/fedctl/v1/runs.ts';
import { clockTime } from './duration.ts';
import { type Column, GAP, type Measure, measureFor, pairLines, shorten, tableLines } from './table.ts';
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
    ...outcomeDocument(run),
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

/** How a run stands, in flwr's keys. */
export function outcomeDocument({ status, reason }: Pick<Run, 'status' | 'reason'>) {
  return { status: safeLine(status), 'status-details': safeLine(reason) };
}

/** "finished:completed" -> "completed": what stands in a table. */
export function shortStatus(status: string): string {
  return status.replace(/^finished:/, '');
}

/** A run's reason where it tells more than the status does; else empty. */
export function tellingReason({ status, reason }: Pick<Run, 'status' | 'reason'>): string {
  if (status === 'finished:completed') return '';
  const told = ['finished:failed', 'lost'].includes(status) ? '' : (STATUS_REASONS as Record<string, string>)[status];
  return reason === told ? '' : reason;
}

/** How a run ended, in a sentence. */
export function outcomeLine(run: Pick<Run, 'status' | 'reason'>): string {
  const [status, reason] = [shortStatus(run.status), tellingReason(run)];
  const verb = { stopped: 'was', lost: 'is' }[status] ?? 'has';
  return safeLine(`The run ${verb} ${status}${reason === '' ? '.' : `: ${reason}`}`);
}

const COLUMNS: readonly Column[] = [
  { title: 'RUN ID' },
  { title: 'APP', shrinks: true },
  { title: 'STATUS' },
  { title: 'ELAPSED' },
  { title: 'FEDERATION', shrinks: true, drop: 1 },
];
const OWNER: Column = { title: 'OWNER', shrinks: true, drop: 2 };
const REASON: Column = { title: 'REASON', shrinks: true };

/** Columns that a reason needs to be worth a column of its own. */
const READABLE = 24;

interface Layout {
  readonly width: number;
  readonly unicode: boolean;
}

/**
 * Runs as a table that fits `width`, in the order given. Reasons have a column where it is wide enough, else a line of
 * their own below their run. Owners are named only where one of them is somebody else.
 */
export async function runTable(runs: readonly Run[], now: string, layout: Layout): Promise<string[]> {
  const shared = runs.some(({ mine, owner }) => !mine && owner !== '');
  const columns = shared ? [...COLUMNS, OWNER] : COLUMNS;
  const rows = runs.map((run) => cellsOf(run, now).slice(0, columns.length));
  const reasons = runs.map((run) => safeLine(tellingReason(run)));
  const measure = await measureFor(reasons);
  const longest = Math.max(...reasons.map(measure));
  const table = await tableLines(columns, rows, layout);
  if (longest === 0) return table;
  const room = layout.width - Math.max(...table.map(await measureFor(table))) - GAP;
  if (room >= Math.min(longest, READABLE) && room >= REASON.title.length) {
    const all = rows.map((row, index) => [...row, reasons[index] ?? '']);
    return await tableLines([...columns, REASON], all, layout);
  }
  const below = reasons.map((reason) => (reason === '' ? [] : [reasonLine(reason, layout, measure)]));
  return table.flatMap((line, index) => [line, ...(below[index - 1] ?? [])]);
}

function cellsOf(run: Run, now: string): string[] {
  return [
    run.runId === 0n ? '-' : String(run.runId),
    run.app,
    shortStatus(run.status),
    run.runningAt === '' ? '-' : clockTime(elapsedOf(run, now)),
    run.federation,
    run.mine ? 'you' : run.owner,
  ];
}

function reasonLine(reason: string, { width, unicode }: Layout, measure: Measure): string {
  const label = '  REASON  ';
  return label + shorten(reason, width - label.length, unicode ? '…' : '...', measure);
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
