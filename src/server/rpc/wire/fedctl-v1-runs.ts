import { AppError } from '../../../core/errors.ts';
import * as proto from '../../../gen/fedctl/v1/runs.ts';
import type { LogMessage, SeenRun } from '../methods.ts';
import { boundBesideBundle } from './beside-bundle.ts';
import { type Binding, bind, KiB, MiB } from './binding.ts';
import { encodedOnce, joined } from './encoded-runs.ts';
import { one } from './fedctl-v1-sessions.ts';
import { fromWireConfig } from './scalars.ts';
import { rfc3339 } from './times.ts';

const SERVICE = '/fedctl.v1.Runs';
const unary = { kind: 'unary', maxBytes: 64 * KiB } as const;

const getRun = bind<'runs.get'>({
  ...unary,
  path: `${SERVICE}/ListRuns`,
  method: 'runs.get',
  decode: ([message]) => ({ runId: proto.ListRunsRequest.decode(one(message)).runId ?? 0n }),
  encode: ({ run, now }) =>
    proto.ListRunsResponse.encode({ runs: [toWire(run)], nextCursor: '', now: rfc3339(now) }).finish(),
});

export const runBindings: readonly Binding[] = [
  bind<'runs.start'>({
    path: `${SERVICE}/StartRun`,
    kind: 'client-stream',
    maxBytes: 12 * MiB,
    method: 'runs.start',
    decode: startInput,
    encode: (run) => proto.StartRunResponse.encode({ run: toWire(run) }).finish(),
  }),
  bind<'runs.list'>({
    ...unary,
    path: `${SERVICE}/ListRuns`,
    method: 'runs.list',
    instead: (message) => (proto.ListRunsRequest.decode(message).runId === undefined ? undefined : getRun),
    decode: ([message]) => {
      const { runIdPrefix, limit, cursor, federation, mine } = proto.ListRunsRequest.decode(one(message));
      if (!/^\d{0,20}$/.test(runIdPrefix)) {
        throw new AppError('INVALID_ARGUMENT', 'RUN_ID_INVALID', 'A run id is a decimal number of at most 64 bits.');
      }
      return { idPrefix: runIdPrefix, limit: Math.min(limit, 200), cursor, federation, mine };
    },
    encode: ({ runs, nextCursor, now }) =>
      joined(runs.map(listed), proto.ListRunsResponse.encode({ runs: [], nextCursor, now: rfc3339(now) }).finish()),
  }),
  bind<'runs.stop'>({
    ...unary,
    path: `${SERVICE}/StopRun`,
    method: 'runs.stop',
    decode: ([message]) => proto.StopRunRequest.decode(one(message)),
    encode: (run) => proto.StopRunResponse.encode({ run: toWire(run) }).finish(),
  }),
  bind<'runs.logs'>({
    ...unary,
    path: `${SERVICE}/StreamLogs`,
    kind: 'server-stream',
    method: 'runs.logs',
    decode: ([message]) => {
      const { runId, offset, follow } = proto.StreamLogsRequest.decode(one(message));
      return { runId, follow, from: { offset: Number(offset) } };
    },
    encode: (messages) => logMessages(messages),
  }),
  bind<'runs.pull'>({
    ...unary,
    path: `${SERVICE}/PullArtifacts`,
    method: 'runs.pull',
    decode: ([message]) => proto.PullArtifactsRequest.decode(one(message)),
    encode: ({ url, expiresInMs }) =>
      proto.PullArtifactsResponse.encode({ url, expiresIn: Math.floor(expiresInMs / 1000) }).finish(),
  }),
];

/** `chunk` */
const BUNDLE = [2];

function startInput(messages: readonly Uint8Array[]) {
  boundBesideBundle(messages, BUNDLE);
  const [first, ...rest] = messages.map((message) => proto.StartRunRequest.decode(message));
  const header = first?.header;
  if (!header || rest.some((part) => part.header !== undefined)) {
    throw new AppError(
      'INVALID_ARGUMENT',
      'REQUEST_MALFORMED',
      'A submission begins with one header, then the bundle.',
    );
  }
  const bundle = Buffer.concat(rest.map((part) => part.chunk ?? Buffer.alloc(0)));
  if (BigInt(bundle.length) !== header.bundleSize) {
    throw new AppError('INVALID_ARGUMENT', 'BUNDLE_INCOMPLETE', 'The app bundle arrived incomplete.', {
      hint: 'Submit it again.',
    });
  }
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(header.requestId)) {
    throw new AppError('INVALID_ARGUMENT', 'REQUEST_ID_INVALID', 'A request id is 1 to 64 of A-Z a-z 0-9 . _ -');
  }
  return {
    requestId: header.requestId,
    federation: header.federation,
    bundle,
    bundleSha256: header.bundleSha256,
    runConfig: fromWireConfig(header.runConfig),
    federationConfig: fromWireConfig(header.federationConfig),
  };
}

async function* logMessages(messages: AsyncIterable<LogMessage>): AsyncGenerator<Uint8Array> {
  for await (const message of messages) {
    yield proto.StreamLogsResponse.encode({
      text: message.text,
      nextOffset: BigInt(message.nextOffset),
      finished: message.finished ? toWire(message.finished) : undefined,
    }).finish();
  }
}

const listed = encodedOnce((seen) =>
  proto.ListRunsResponse.encode({ runs: [toWire(seen)], nextCursor: '', now: '' }).finish(),
);

function toWire({ run, mine }: SeenRun): proto.Run {
  return {
    runId: run.id ?? 0n,
    app: run.app,
    appVersion: run.appVersion,
    bundleSha256: run.bundleSha256,
    status: run.status,
    reason: run.reason,
    federation: run.federation,
    owner: run.ownerHandle,
    mine,
    createdAt: rfc3339(run.createdAt),
    startingAt: rfc3339(run.startingAt),
    runningAt: rfc3339(run.runningAt),
    finishedAt: rfc3339(run.finishedAt),
    requestId: mine ? run.requestId : '',
  };
}
