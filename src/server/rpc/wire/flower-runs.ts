import * as proto from '../../../gen/flwr/proto/control.ts';
import type { LogMessage, SeenRun } from '../methods.ts';
import { KiB, MiB } from './binding.ts';
import { encodedOnce, joined } from './encoded-runs.ts';
import { one } from './fedctl-v1-sessions.ts';
import { type FlowerCall, type FlowerCalls, flowerCall } from './flower-calls.ts';
import { flowerLogs } from './flower-logs.ts';
import { toFlowerRun } from './flower-run-view.ts';
import { startInput } from './flower-start.ts';
import { flowerTime } from './times.ts';

const unary = { kind: 'unary', maxBytes: 64 * KiB } as const;
/** flwr lists all of the caller's runs unless told a limit (1.27 and later). */
const ALL_RUNS = 1000n;

/** `ListRuns` with a run id. */
export const getRun: FlowerCall<'runs.get'> = {
  ...unary,
  method: 'runs.get',
  decode: ([message]) => ({ runId: proto.ListRunsRequest.decode(one(message)).runId ?? 0n }),
  encode: ({ run, now }) => listed([run], now),
};

export const listRuns: FlowerCall<'runs.list'> = {
  ...unary,
  method: 'runs.list',
  instead: insteadOfList(getRun),
  decode: ([message]) => {
    const { limit, skip } = proto.ListRunsRequest.decode(one(message));
    const page = { idPrefix: '', cursor: '', federation: '', mine: false };
    return { ...page, limit: count(limit ?? ALL_RUNS), skip: count(skip ?? 0n) };
  },
  encode: (page) => listed(page.runs, page.now),
};

export const stopRun: FlowerCall<'runs.stop'> = {
  ...unary,
  method: 'runs.stop',
  decode: ([message]) => proto.StopRunRequest.decode(one(message)),
  encode: () => proto.StopRunResponse.encode({ success: true }).finish(),
};

export const runCalls: FlowerCalls = {
  StartRun: flowerCall<'runs.start'>({
    // For flwr it is unary, which is the same bytes: as a stream of one message it is read once its caller is known.
    kind: 'client-stream',
    maxBytes: 12 * MiB,
    method: 'runs.start',
    decode: ([message]) => startInput(one(message)),
    encode: ({ run }) => proto.StartRunResponse.encode({ runId: run.id ?? 0n, federation: run.federation }).finish(),
  }),
  ListRuns: flowerCall(listRuns),
  StopRun: flowerCall(stopRun),
  StreamLogs: flowerCall<'runs.logs'>({
    ...unary,
    kind: 'server-stream',
    method: 'runs.logs',
    decode: ([message]) => {
      const { runId, afterTimestamp } = proto.StreamLogsRequest.decode(one(message));
      // Infinity and NaN are no times; neither is what lies before the first.
      const engineTimestamp = Number.isFinite(afterTimestamp) ? Math.max(0, afterTimestamp) : 0;
      return { runId, follow: true, from: { engineTimestamp } };
    },
    encode: (messages) => logMessages(messages),
  }),
  PullArtifacts: flowerCall<'runs.pull'>({
    ...unary,
    method: 'runs.pull',
    decode: ([message]) => proto.PullArtifactsRequest.decode(one(message)),
    encode: ({ url }) => proto.PullArtifactsResponse.encode({ url }).finish(),
  }),
};

/** One RPC of Flower's is two methods of ours: with a run id it is about that run. */
export function insteadOfList(get: FlowerCall<'runs.get'>): (message: Uint8Array) => FlowerCall | undefined {
  const chosen = flowerCall(get);
  return (message) => (proto.ListRunsRequest.decode(message).runId === undefined ? undefined : chosen);
}

/** A list of runs; `now` is what elapsed times are counted to. */
export function listed(runs: readonly SeenRun[], now: number): Uint8Array {
  const rest = proto.ListRunsResponse.encode({ runDict: new Map(), now: flowerTime(now) }).finish();
  return joined(runs.map(listedOne), rest);
}

const listedOne = encodedOnce((seen) =>
  proto.ListRunsResponse.encode({ runDict: new Map([[seen.run.id ?? 0n, toFlowerRun(seen)]]), now: '' }).finish(),
);

function count(wanted: bigint): number {
  return Number(wanted > ALL_RUNS ? ALL_RUNS : wanted);
}

async function* logMessages(messages: AsyncIterable<LogMessage>): AsyncGenerator<Uint8Array> {
  for await (const { text, timestamp } of flowerLogs(messages)) {
    yield proto.StreamLogsResponse.encode({ logOutput: text, latestTimestamp: timestamp }).finish();
  }
}
