import { randomUUID } from 'node:crypto';
import * as proto from '../../../gen/flwr/proto/control.ts';
import type { Run as ProtoRun } from '../../../gen/flwr/proto/run.ts';
import type { LogMessage, SeenRun } from '../methods.ts';
import { type Binding, bind, KiB, MiB, type Wire } from './binding.ts';
import { readCredentials } from './credentials.ts';
import { encodedOnce, joined } from './encoded-runs.ts';
import { one } from './fedctl-v1-sessions.ts';
import { flowerLogs } from './flower-logs.ts';
import { fromSimulationConfig, fromWireConfig } from './scalars.ts';
import { flowerTime } from './times.ts';

const SERVICE = '/flwr.proto.Control';
const unary = { kind: 'unary', maxBytes: 64 * KiB } as const;
/** flwr lists all of the caller's runs unless told a limit (1.27 and later). */
const ALL_RUNS = 1000;

const getRun = bind<'runs.get'>({
  ...unary,
  path: `${SERVICE}/ListRuns`,
  method: 'runs.get',
  decode: ([message]) => ({ runId: proto.ListRunsRequest.decode(one(message)).runId ?? 0n }),
  encode: ({ run, now }) => listed([run], now),
});

const bindings: readonly Binding[] = [
  bind<'login.start'>({
    ...unary,
    path: `${SERVICE}/GetLoginDetails`,
    method: 'login.start',
    decode: (_messages, headers) => ({
      provider: '',
      client: clientName(headers.get('flwr-package-version')[0]),
      host: '',
    }),
    encode: (login) =>
      proto.GetLoginDetailsResponse.encode({
        authnType: 'oidc',
        deviceCode: login.handle,
        verificationUriComplete: login.verificationUriComplete ?? login.verificationUri,
        expiresIn: BigInt(login.expiresIn),
        interval: BigInt(login.interval),
      }).finish(),
  }),
  bind<'login.poll'>({
    ...unary,
    path: `${SERVICE}/GetAuthTokens`,
    method: 'login.poll',
    decode: ([message]) => ({ handle: proto.GetAuthTokensRequest.decode(one(message)).deviceCode }),
    // Pending is an empty answer; every error status ends flwr's login at once (flower facts, 1.1).
    encode: (poll) =>
      proto.GetAuthTokensResponse.encode(
        poll.state === 'approved'
          ? { accessToken: poll.tokens.accessToken, refreshToken: poll.tokens.refreshToken }
          : { accessToken: '', refreshToken: '' },
      ).finish(),
  }),
  bind<'runs.start'>({
    path: `${SERVICE}/StartRun`,
    // For flwr it is unary, which is the same bytes: as a stream of one message it is read once its caller is known.
    kind: 'client-stream',
    maxBytes: 12 * MiB,
    method: 'runs.start',
    decode: ([message]) => {
      const request = proto.StartRunRequest.decode(one(message));
      return {
        requestId: randomUUID(),
        federation: request.federation,
        bundle: request.fab?.content ?? new Uint8Array(),
        // The open SuperLink never compares flwr's hash either; what arrived is what counts.
        bundleSha256: request.fab?.hashStr ?? '',
        runConfig: fromWireConfig(request.overrideConfig),
        federationConfig: fromSimulationConfig(request.overrideFederationConfig),
      };
    },
    encode: ({ run }) => proto.StartRunResponse.encode({ runId: run.id ?? 0n, federation: run.federation }).finish(),
  }),
  bind<'runs.list'>({
    ...unary,
    path: `${SERVICE}/ListRuns`,
    method: 'runs.list',
    instead: (message) => (proto.ListRunsRequest.decode(message).runId === undefined ? undefined : getRun),
    decode: ([message]) => {
      const { limit } = proto.ListRunsRequest.decode(one(message));
      const rows = limit === undefined || limit > BigInt(ALL_RUNS) ? ALL_RUNS : Number(limit);
      return { idPrefix: '', limit: rows, cursor: '', federation: '', mine: false };
    },
    encode: (page) => listed(page.runs, page.now),
  }),
  bind<'runs.stop'>({
    ...unary,
    path: `${SERVICE}/StopRun`,
    method: 'runs.stop',
    decode: ([message]) => proto.StopRunRequest.decode(one(message)),
    encode: () => proto.StopRunResponse.encode({ success: true }).finish(),
  }),
  bind<'runs.logs'>({
    ...unary,
    path: `${SERVICE}/StreamLogs`,
    kind: 'server-stream',
    method: 'runs.logs',
    decode: ([message]) => {
      const { runId, afterTimestamp } = proto.StreamLogsRequest.decode(one(message));
      return { runId, follow: true, from: { engineTimestamp: afterTimestamp } };
    },
    encode: (messages) => logMessages(messages),
  }),
];

/** Flower's Control service over gRPC, as flwr 1.21 to 1.36 speak it. */
export const flowerControl: Wire = {
  name: 'flwr.proto.Control',
  bindings,
  credentials: readCredentials,
  renewedHeaders: (pair) => ({
    'flwr-oidc-access-token': pair.accessToken,
    'flwr-oidc-refresh-token': pair.refreshToken,
  }),
  // What flwr 1.19 to 1.32 compares for equality (flower facts, 1.2).
  answers: {
    RUN_NOT_FOUND: { text: 'Run ID not found' },
    // Matched at its start: `Federation '...' does not exist`.
    FEDERATION_NOT_FOUND: { code: 'FAILED_PRECONDITION' },
  },
  unimplemented: {
    [`${SERVICE}/PullArtifacts`]: 'ControlServicer initialized without artifact provider',
  },
};

function clientName(version: string | undefined): string {
  return version && /^[\w.+-]{1,40}$/.test(version) ? `flwr ${version}` : 'flwr';
}

function listed(runs: readonly SeenRun[], now: number): Uint8Array {
  const rest = proto.ListRunsResponse.encode({ runDict: new Map(), now: flowerTime(now) }).finish();
  return joined(runs.map(listedOne), rest);
}

const listedOne = encodedOnce((seen) =>
  proto.ListRunsResponse.encode({ runDict: new Map([[seen.run.id ?? 0n, toWire(seen)]]), now: '' }).finish(),
);

function toWire({ run }: SeenRun): ProtoRun {
  const [status = '', subStatus = ''] = flowerStatus(run.status).split(':');
  return {
    runId: run.id ?? 0n,
    fabId: run.app,
    fabVersion: run.appVersion,
    overrideConfig: {},
    fabHash: run.bundleSha256,
    pendingAt: flowerTime(run.createdAt),
    startingAt: flowerTime(run.startingAt),
    runningAt: flowerTime(run.runningAt),
    finishedAt: flowerTime(run.finishedAt),
    status: { status, subStatus, details: run.reason },
    flwrAid: run.ownerHandle,
    federation: run.federation,
    bytesSent: 0n,
    bytesRecv: 0n,
    clientappRuntime: 0,
    primaryTaskType: '',
    primaryTaskId: undefined,
    seriesId: 0n,
    accountName: run.ownerHandle,
  };
}

/** flwr knows neither `submitting` nor `lost`. */
function flowerStatus(status: SeenRun['run']['status']): string {
  if (status === 'submitting') return 'pending';
  return status === 'lost' ? 'finished:failed' : status;
}

async function* logMessages(messages: AsyncIterable<LogMessage>): AsyncGenerator<Uint8Array> {
  for await (const { text, timestamp } of flowerLogs(messages)) {
    yield proto.StreamLogsResponse.encode({ logOutput: text, latestTimestamp: timestamp }).finish();
  }
}
