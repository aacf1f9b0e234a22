import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  ListRunsRequest,
  ListRunsResponse,
  StartRunRequest,
  StartRunResponse,
  StopRunRequest,
  StopRunResponse,
} from '../src/gen/flwr/proto/control.ts';
import { buildBundle } from '../src/project/bundle.ts';
import type { Connections } from './load.ts';
import type { Series } from './stats.ts';

const ROUNDS = Number(process.env.BENCH_SUBMIT_ROUNDS ?? 30);
const PARALLEL = 4;
const BATCHES = Math.ceil(ROUNDS / 3);
/** What follows a stop (the end of its log, its last status) is no part of the next submit. */
const REST_MS = 250;

const SERVICE = '/flwr.proto.Control';
const APP = fileURLToPath(new URL('../test/fixtures/tinyapp', import.meta.url));

/** A Control API: an engine's own, or the control plane's before an engine. */
export interface Control {
  readonly connections: Connections;
  readonly headers: Readonly<Record<string, string>>;
}

export const SUBMIT_WAYS = ['engine', 'fedctl'] as const;
type Way = (typeof SUBMIT_WAYS)[number];

export interface SubmitFigures {
  /** Time of one StartRun, ms. */
  readonly single: Readonly<Record<Way, Series>>;
  /** Time until all of a batch were answered, ms. */
  readonly batch: Readonly<Record<Way, Series>>;
  readonly parallel: number;
  readonly bundleBytes: number;
}

/** Submits to both in turn; every run is stopped once it has been measured. */
export async function measureSubmits(controls: Readonly<Record<Way, Control>>, folder: string): Promise<SubmitFigures> {
  const requests = await Promise.all(Array.from({ length: PARALLEL }, (_, variant) => requestFor(folder, variant)));
  const [first] = requests as [Buffer];
  const figures = {
    single: { engine: [] as number[], fedctl: [] as number[] },
    batch: { engine: [] as number[], fedctl: [] as number[] },
  };
  const started: Record<Way, bigint[]> = { engine: [], fedctl: [] };
  const take = async (way: Way, all: readonly Buffer[], into: number[] | undefined): Promise<void> => {
    const begun = performance.now();
    const ids = await Promise.all(all.map((request) => startRun(controls[way], request)));
    into?.push(performance.now() - begun);
    started[way].push(...ids);
    for (const id of ids) await stopRun(controls[way], id);
    await delay(REST_MS);
  };
  for (let round = -2; round < ROUNDS; round += 1) {
    for (const way of inTurn(round)) await take(way, [first], round < 0 ? undefined : figures.single[way]);
  }
  for (let round = -1; round < BATCHES; round += 1) {
    for (const way of inTurn(round)) await take(way, requests, round < 0 ? undefined : figures.batch[way]);
  }
  for (const way of SUBMIT_WAYS) await checkAllThere(controls[way], started[way]);
  return { ...figures, parallel: PARALLEL, bundleBytes: first.length };
}

function inTurn(round: number): readonly Way[] {
  return round % 2 === 0 ? SUBMIT_WAYS : SUBMIT_WAYS.toReversed();
}

/** StartRun with a bundle of its own for each variant: only those may be under way at the same time. */
async function requestFor(folder: string, variant: number): Promise<Buffer> {
  const dir = join(folder, `app-${variant}`);
  cpSync(APP, dir, { recursive: true });
  writeFileSync(join(dir, 'tinyapp', 'variant.py'), `VARIANT = ${variant}\n`);
  const { content, sha256 } = await buildBundle(dir);
  const fab = { hashStr: sha256, content: Buffer.from(content), verifications: {} };
  return Buffer.from(
    StartRunRequest.encode(
      StartRunRequest.create({ fab, appSpec: '', federation: '', overrideConfig: {}, connectorRefs: [] }),
    ).finish(),
  );
}

async function startRun(control: Control, request: Buffer): Promise<bigint> {
  const { runId = 0n } = StartRunResponse.decode(await ask(control, 'StartRun', request));
  if (runId === 0n) throw new Error('StartRun gave no run');
  return runId;
}

async function stopRun(control: Control, runId: bigint): Promise<void> {
  const answer = await ask(control, 'StopRun', StopRunRequest.encode({ runId }).finish());
  if (!StopRunResponse.decode(answer).success) throw new Error(`run ${runId} was not stopped`);
}

/** What was answered is there, once. */
async function checkAllThere(control: Control, ids: readonly bigint[]): Promise<void> {
  const request = ListRunsRequest.encode({ runId: undefined, limit: undefined }).finish();
  const { runDict } = ListRunsResponse.decode(await ask(control, 'ListRuns', request));
  const missing = ids.filter((id) => !runDict.has(id));
  if (missing.length > 0 || new Set(ids).size !== ids.length) throw new Error(`${missing.length} runs were lost`);
}

function ask({ connections, headers }: Control, method: string, request: Uint8Array): Promise<Buffer> {
  return connections.call({
    path: `${SERVICE}/${method}`,
    request: Buffer.from(request),
    headers,
    check: () => undefined,
  });
}
