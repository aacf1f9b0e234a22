import type { Run } from '../src/core/runs.ts';
import type { Output } from '../src/server/rpc/methods.ts';
import { callOf, type Slice, type Target, takeSlice } from './listing.ts';
import type { Connections } from './load.ts';
import { median, ratios, type Series } from './stats.ts';
import { LIST_WIRES, type ListWire } from './wires.ts';

const ROUNDS = Number(process.env.BENCH_TRANSLATOR_ROUNDS ?? 7);
const SLICE_MS = 600;
const PARALLEL = 32;
/** HTTP/1.1 takes one call at a time on each. */
export const HTTP_CONNECTIONS = PARALLEL;
export const LARGEST_PAGE = 200;
const PAGES = [20, LARGEST_PAGE] as const;
/** Rows translated for one figure; as many again before, for code to be compiled and caches to be warm, as they are in a server under load. */
const ROWS = 10_000;
const CHANGED_PAGES = 10;

/** The server reads runs that are under way for each call; of those that have ended it knows the rows. */
export const RUN_STATES = ['ended', 'under way'] as const;
export type RunState = (typeof RUN_STATES)[number];

/** The owner of the runs of one state, before one control plane. */
export interface Listed {
  readonly headers: Readonly<Record<string, string>>;
  /** Read as the server reads them. */
  newest(count: number): Promise<readonly Run[]>;
}

export interface TranslatorOptions {
  readonly pid: number;
  readonly connections: Readonly<Record<ListWire['transport'], Connections>>;
  readonly listed: Readonly<Record<RunState, Listed>>;
}

/** One wire, one page. Series hold a figure for each round. */
export interface TranslatorFigures {
  readonly wire: string;
  readonly rows: number;
  readonly state: RunState;
  /** Of decoding the request and encoding the page, µs. */
  readonly translatorUs: Series;
  /** The same where every run has changed since, µs. */
  readonly changedUs: Series;
  /** Processor time of the server for a call, many at a time, ms. */
  readonly callCpuMs: Series;
  /** Time of a call, one at a time, ms. */
  readonly callMs: Series;
  /** The translator's share of the call's processor time, and of its time. */
  readonly ofCpu: Series;
  readonly ofTime: Series;
}

interface Case {
  readonly wire: ListWire;
  readonly rows: number;
  readonly state: RunState;
}

interface Sample {
  readonly translatorMs: number;
  readonly changedMs: number;
  readonly many: Slice;
  readonly single: Slice;
}

/** Each page over each wire in turn: calls, and right after them their translation alone, by the server's own bindings. */
export async function measureTranslators(options: TranslatorOptions): Promise<readonly TranslatorFigures[]> {
  const cases = PAGES.flatMap((rows) =>
    RUN_STATES.flatMap((state) => LIST_WIRES.map((wire): Case => ({ wire, rows, state }))),
  );
  const samples = new Map(cases.map((one): [Case, Sample[]] => [one, []]));
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const [one, taken] of samples) {
      const sample = await takeSample(options, one);
      if (round >= 0) taken.push(sample);
    }
  }
  return [...samples].map(([one, taken]) => figuresOf(one, taken));
}

async function takeSample({ pid, connections, listed }: TranslatorOptions, one: Case): Promise<Sample> {
  const { wire, rows, state } = one;
  const { headers, newest } = listed[state];
  const path = wire.binding.path;
  const target: Target = { connections: connections[wire.transport], pid, path, headers };
  const request = wire.request(rows);
  const page = await target.connections.call({ path, request, headers, check: () => undefined });
  checkPage(one, outputOf(wire, await newest(rows), page), page);
  // Each is translated once: where the store gives other objects every time, that shows.
  const read = async () => {
    const outputs: ListOutput[] = [];
    while (outputs.length < ROWS / rows) outputs.push(outputOf(wire, await newest(rows), page));
    return outputs;
  };
  const warmUp = await read();
  const outputs = await read();
  const call = { ...callOf(target, page, wire.read(page).now.length), request };
  const many = await takeSlice(target, call, PARALLEL, SLICE_MS);
  const single = await takeSlice(target, call, 1, SLICE_MS / 2);
  timeTranslation(wire, request, warmUp);
  const translatorMs = timeTranslation(wire, request, outputs);
  const others = outputs.slice(0, CHANGED_PAGES).map(changed);
  return { translatorMs, changedMs: timeTranslation(wire, request, others), many, single };
}

type ListOutput = Output<'runs.list'>;

/** What the handler gave for this answer. */
function outputOf(wire: ListWire, runs: readonly Run[], answer: Buffer): ListOutput {
  const { now, nextCursor } = wire.read(answer);
  return { runs: runs.map((run) => ({ run, mine: true })), nextCursor, now: Date.parse(now) };
}

/** Translating it must give the bytes that the server has answered. */
function checkPage({ wire, rows, state }: Case, output: ListOutput, answer: Buffer): void {
  if (answer.equals(wire.binding.encode(output, NO_HEADERS) as Uint8Array)) return;
  throw new Error(`${wire.name}: not the page of ${rows} runs ${state}`);
}

/** With other objects for its runs, as the store gives them once their rows are others. */
function changed(output: ListOutput): ListOutput {
  return { ...output, runs: output.runs.map(({ run, mine }) => ({ run: Object.freeze({ ...run }), mine })) };
}

const NO_HEADERS = { get: () => [] };

/** Milliseconds of one translation, the median: it waits for nothing, so that this is its processor time too. */
function timeTranslation({ binding }: ListWire, request: Buffer, outputs: readonly ListOutput[]): number {
  return median(
    outputs.map((output) => {
      const begun = performance.now();
      binding.instead?.(request);
      binding.decode([request], NO_HEADERS);
      binding.encode(output, NO_HEADERS);
      return performance.now() - begun;
    }),
  );
}

function figuresOf({ wire, rows, state }: Case, samples: readonly Sample[]): TranslatorFigures {
  const of = (pick: (sample: Sample) => number): Series => samples.map(pick);
  const callCpuMs = of(({ many }) => many.cpuPerCallMs);
  const callMs = of(({ single }) => single.latencyMs);
  const translatorMs = of((sample) => sample.translatorMs);
  return {
    wire: wire.name,
    rows,
    state,
    translatorUs: translatorMs.map((ms) => ms * 1000),
    changedUs: of(({ changedMs }) => changedMs * 1000),
    callCpuMs,
    callMs,
    ofCpu: ratios(translatorMs, callCpuMs),
    ofTime: ratios(translatorMs, callMs),
  };
}
