import {
  type CallOptions,
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientReadableStream,
  connectivityState,
  credentials,
  Metadata,
  setLogger,
  status,
} from '@grpc/grpc-js';
import { addressIdentity } from '../core/peer-identity.ts';
import { channelThrough } from '../core/proxy.ts';
import { traceWithoutSecrets } from '../core/secret-text.ts';
import { trustedBy } from '../core/trust-roots.ts';
import type { FlowerControl, FlowerEndpoint, FlowerRpc, FlowerTokens } from './control.ts';
import { flowerFailure, isFlowerFailure } from './failure.ts';
import { grpcFailure } from './grpc-errors.ts';
import { decodeAnswer } from './rpcs.ts';
import { assertTokensSafe, CONNECT_MS, carriesToken, type FlowerOptions, splitAddress } from './trust.ts';

const MiB = 1024 * 1024;
const ACCESS = 'flwr-oidc-access-token';
const REFRESH = 'flwr-oidc-refresh-token';

/**
 * A short backoff: a SuperLink that restarts is found again within a second (security.md F-21).
 * StreamLogs sends all that it has as one message (flower/facts section 6), hence the large receive limit.
 */
const OPTIONS: ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.max_send_message_length': 16 * MiB,
  'grpc.max_receive_message_length': 256 * MiB,
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  // Each SuperLink has its own connection: a broken one harms no other.
  'grpc.use_local_subchannel_pool': 1,
};

const bytes = (buffer: Buffer): Buffer => buffer;
const path = (name: string): string => `/flwr.proto.Control/${name}`;

/** A SuperLink's Control API over gRPC: flwr 1.21 to 1.36. Opens nothing before the first call. @throws AppError */
export function openFlowerGrpc(endpoint: FlowerEndpoint, options: FlowerOptions): FlowerControl {
  assertTokensSafe(endpoint, options);
  traceWithoutSecrets(setLogger);
  const { tokens } = options;
  const trust = channelTrust(endpoint, options);
  const client = new Client(trust.target, trust.credentials, {
    ...OPTIONS,
    ...trust.options,
    'grpc.primary_user_agent': options.userAgent,
    // Which proxy there is was decided before (core/proxy.ts).
    'grpc.enable_http_proxy': 0,
  });
  const losses = countLosses(client);

  async function prepared(rpc: string, signal: AbortSignal | undefined) {
    await connected(client, options);
    if (signal?.aborted) throw flowerFailure({ kind: 'cancelled', code: 'CANCELLED' });
    const pair = tokens !== undefined && carriesToken(rpc) ? await tokens.tokens() : undefined;
    const metadata = new Metadata();
    if (pair !== undefined) {
      metadata.set(ACCESS, pair.accessToken);
      metadata.set(REFRESH, pair.refreshToken);
    }
    return { metadata, pair };
  }

  /** A new pair counts only whole, and only where there was one: no server logs anybody in unasked. */
  async function keep(initial: Metadata, old: FlowerTokens | undefined): Promise<void> {
    const [accessToken, refreshToken] = [initial.get(ACCESS)[0], initial.get(REFRESH)[0]];
    if (old === undefined || typeof accessToken !== 'string' || typeof refreshToken !== 'string') return;
    if (accessToken === '' || refreshToken === '') return;
    await tokens?.renewed({ accessToken, refreshToken }, old);
  }

  async function call<Request, Response>(
    rpc: FlowerRpc<Request, Response>,
    request: Request,
    { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<Response> {
    const encoded = Buffer.from(rpc.encode(request));
    const { metadata, pair } = await prepared(rpc.name, signal);
    const callOptions: CallOptions = { deadline: Date.now() + timeoutMs };
    let stored: Promise<void> = Promise.resolve();
    const answer = new Promise<Buffer>((resolve, reject) => {
      const sent = client.makeUnaryRequest(
        path(rpc.name),
        bytes,
        bytes,
        encoded,
        metadata,
        callOptions,
        (error, reply) => {
          signal?.removeEventListener('abort', cancel);
          if (error) reject(grpcFailure(error, signal?.aborted ?? false));
          else resolve(reply ?? Buffer.alloc(0));
        },
      );
      const cancel = () => sent.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      sent.on('metadata', (initial) => {
        stored = keep(initial, pair);
        stored.catch(() => undefined);
      });
    });
    // A failed call may have brought a new pair too.
    const reply = await answer.finally(() => stored);
    return decodeAnswer(rpc, reply);
  }

  async function* stream<Request, Response>(
    rpc: FlowerRpc<Request, Response>,
    request: Request,
    { signal }: { signal: AbortSignal },
  ): AsyncIterable<Response> {
    const encoded = Buffer.from(rpc.encode(request));
    const { metadata, pair } = await prepared(rpc.name, signal);
    const sent = client.makeServerStreamRequest(path(rpc.name), bytes, bytes, encoded, metadata);
    let stored: Promise<void> | undefined;
    sent.on('metadata', (initial) => {
      stored = keep(initial, pair);
      stored.catch(() => undefined);
    });
    const cancel = () => sent.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      for await (const message of messages(sent, signal)) {
        await stored;
        yield decodeAnswer(rpc, message);
      }
      await stored;
    } finally {
      signal.removeEventListener('abort', cancel);
      cancel();
    }
  }

  return { transport: 'grpc', call, stream, losses, close: () => client.close() };
}

/** Ends only after the status OK: a stream that just closes has lost something. */
async function* messages(sent: ClientReadableStream<Buffer>, signal: AbortSignal): AsyncIterable<Buffer> {
  let end: number | undefined;
  sent.on('status', ({ code }) => {
    end = code;
  });
  try {
    yield* sent as AsyncIterable<Buffer>;
  } catch (error) {
    throw isFlowerFailure(error) ? error : grpcFailure(error, signal.aborted);
  }
  if (end !== status.OK) throw grpcFailure({ code: status.UNAVAILABLE }, signal.aborted);
}

/** Nothing is sent before this resolves, so its failure is always 'unreachable'. */
function connected(client: Client, { connectMs = CONNECT_MS, patient = false }: FlowerOptions): Promise<void> {
  const channel = client.getChannel();
  const deadline = Date.now() + connectMs;
  return new Promise((resolve, reject) => {
    const look = () => {
      const state = channel.getConnectivityState(true);
      const failed = state === connectivityState.TRANSIENT_FAILURE && !patient;
      if (state === connectivityState.READY) return resolve();
      if (failed || state === connectivityState.SHUTDOWN) return reject(flowerFailure({ kind: 'unreachable' }));
      channel.watchConnectivityState(state, deadline, (error) =>
        error ? reject(flowerFailure({ kind: 'unreachable', cause: error })) : look(),
      );
    };
    look();
  });
}

/** How often a connection was lost, as far as it was watched since the first question. */
function countLosses(client: Client): () => number {
  let losses = 0;
  let isWatching = false;
  const watch = () => {
    const channel = client.getChannel();
    const state = channel.getConnectivityState(false);
    if (state === connectivityState.SHUTDOWN) return;
    channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, (error) => {
      if (error) return;
      if (state === connectivityState.READY) losses += 1;
      watch();
    });
  };
  return () => {
    if (!isWatching) watch();
    isWatching = true;
    return losses;
  };
}

function channelTrust(
  { address, rootCertificates, insecure, proxy }: FlowerEndpoint,
  { unverified = false }: FlowerOptions,
): { target: string; credentials: ChannelCredentials; options: ChannelOptions } {
  if (insecure) return { target: address, credentials: credentials.createInsecure(), options: {} };
  const roots = trustedBy(rootCertificates, process.env);
  const to = splitAddress(address);
  const identity = addressIdentity(to.host);
  const verify = {
    rejectUnauthorized: !unverified,
    ...(identity && { checkServerIdentity: identity.checkServerIdentity }),
  };
  const direct = credentials.createSsl(roots, null, null, verify);
  const named = identity ? { 'grpc.ssl_target_name_override': identity.servername } : {};
  if (proxy === undefined) return { target: address, credentials: direct, options: named };
  const through = channelThrough(proxy, to, direct);
  return { ...through, options: { ...through.options, ...named } };
}
