import { ListRunsRequest, ListRunsResponse } from '../src/gen/fedctl/v1/runs.ts';
import { type Call, type Connections, drive, type Load } from './load.ts';
import { cpuMs } from './usage.ts';

const ROUNDS = Number(process.env.BENCH_LIST_ROUNDS ?? 9);
const SLICE_MS = 1_500;
const PARALLEL = 32;
const PAGE = 20;

export const LIST_PATH = '/fedctl.v1.Runs/ListRuns';

export const LIST_SERVERS = ['echo', 'cached', 'uncached'] as const;
export type ListServer = (typeof LIST_SERVERS)[number];

/** One slice of one server. */
export interface Slice extends Load {
  /** Processor time of the server process per call, ms. */
  readonly cpuPerCallMs: number;
}

export interface ListFigures {
  /** With many calls at a time. */
  readonly many: Readonly<Record<ListServer, readonly Slice[]>>;
  /** With one call at a time: nobody shares an answer of OpenFGA. */
  readonly single: Readonly<Record<ListServer, readonly Slice[]>>;
  readonly parallel: number;
  readonly answerBytes: number;
}

export interface Target {
  readonly connections: Connections;
  readonly pid: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

const REQUEST = Buffer.from(
  ListRunsRequest.encode(
    ListRunsRequest.create({ runIdPrefix: '', limit: PAGE, cursor: '', federation: '', mine: false }),
  ).finish(),
);

/** Asks for the newest page once; it must hold the newest of `ids`, in their order. */
export async function firstPage({ connections, path, headers }: Target, ids: readonly bigint[]): Promise<Buffer> {
  const answer = await connections.call({ path, request: REQUEST, headers, check: () => undefined });
  const { runs, nextCursor } = ListRunsResponse.decode(answer);
  const isRight =
    runs.length === PAGE && nextCursor !== '' && runs.every((run, index) => run.runId === ids[index] && run.mine);
  if (!isRight) throw new Error(`ListRuns answered another page: ${runs.map((run) => run.runId)}`);
  return answer;
}

/** Asks all servers in turn, slice by slice. `pages` are what each must answer; all but the time in them stands still. */
export async function measureListing(
  targets: Readonly<Record<ListServer, Target>>,
  pages: Readonly<Record<ListServer, Buffer>>,
): Promise<ListFigures> {
  const many: Record<ListServer, Slice[]> = { echo: [], cached: [], uncached: [] };
  const single: Record<ListServer, Slice[]> = { echo: [], cached: [], uncached: [] };
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const [index] of LIST_SERVERS.entries()) {
      const name = LIST_SERVERS[(index + round + 1) % LIST_SERVERS.length] as ListServer;
      const call = callOf(targets[name], pages[name], ListRunsResponse.decode(pages[name]).now.length);
      const slice = await takeSlice(targets[name], call, PARALLEL, SLICE_MS);
      const alone = await takeSlice(targets[name], call, 1, SLICE_MS / 3);
      // The first round lets the servers' code be compiled.
      if (round < 0) continue;
      many[name].push(slice);
      single[name].push(alone);
    }
  }
  return { many, single, parallel: PARALLEL, answerBytes: pages.cached.length };
}

/** A call that must answer `page`; the last `timeBytes` of it are the time of the answer. */
export function callOf({ path, headers }: Target, page: Buffer, timeBytes: number): Call {
  const steady = page.subarray(0, page.length - timeBytes);
  const check = (answer: Buffer): void => {
    if (answer.length === page.length && answer.subarray(0, steady.length).equals(steady)) return;
    throw new Error('an answer differs from the first one');
  };
  return { path, headers, check, request: REQUEST };
}

/** Calls for so long, with the processor time of the server meanwhile. */
export async function takeSlice(target: Target, call: Call, parallel: number, ms: number): Promise<Slice> {
  const before = cpuMs(target.pid);
  const load = await drive(target.connections, call, { parallel, ms });
  return { ...load, cpuPerCallMs: (cpuMs(target.pid) - before) / load.calls };
}
