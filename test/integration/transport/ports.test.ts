import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { Client, credentials, type Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/core/log.ts';
import { silentMetrics } from '../../../src/core/metrics.ts';
import type { Dispatch, Incoming } from '../../../src/server/rpc/pipeline.ts';
import { fedctlV1 } from '../../../src/server/rpc/wire/fedctl-v1.ts';
import { flowerControl } from '../../../src/server/rpc/wire/flower-control.ts';
import { flowerHttp } from '../../../src/server/rpc/wire/flower-http.ts';
import { createServing, type Serving } from '../../../src/server/serving.ts';
import { type Certificates, createCertificates } from '../../../src/server/transport/certificates.ts';
import { selfSigned, type TestPair, writePair } from '../../support/certificates.ts';
import { testLimits } from '../../support/echo-server.ts';
import { callHttp, openHttp } from '../../support/http-wire.ts';
import { until } from '../../support/until.ts';

const GRPC_LIST = '/flwr.proto.Control/ListRuns';
const GRPC_LOGS = '/flwr.proto.Control/StreamLogs';
const HTTP_LIST = '/v1/control/list-runs';
const HTTP_LOGS = '/v1/control/stream-logs';
const RUN_1 = Buffer.from([0x08, 0x01]);

let folder: string;
let pair: TestPair;
let certificates: Certificates;
/** Calls of a stream that have begun. */
let streams = 0;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  streams = 0;
  folder = await mkdtemp(join(tmpdir(), 'fedctl-ports-'));
  pair = await selfSigned();
  certificates = await createCertificates({ ...(await writePair(folder, pair)), log: silentLogger });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  certificates.close();
  await rm(folder, { recursive: true, force: true });
});

/** Lists are empty, logs go on for ever. */
const dispatch = ((incoming: Incoming<never>) => ({
  requestId: 'ref-1',
  result: (async () => {
    incoming.accepted(undefined);
    await incoming.input();
    if (incoming.method !== 'runs.logs') return { runs: [], nextCursor: '', now: 0 };
    streams += 1;
    return (async function* () {
      yield { text: 'one', nextOffset: 3, engineTimestamp: 1, finished: undefined };
      yield { text: 'two', nextOffset: 6, engineTimestamp: 2, finished: undefined };
      await new Promise((resolve) => incoming.signal.addEventListener('abort', resolve, { once: true }));
    })();
  })(),
})) as unknown as Dispatch;

interface Ports extends Serving {
  readonly grpc: number;
  readonly http: number;
}

async function serve(options: { tls?: boolean; limits?: Parameters<typeof testLimits>[0] } = {}): Promise<Ports> {
  const address = { host: '127.0.0.1', port: 0 };
  const serving = createServing({
    config: {
      server: { grpcAddress: address, httpsAddress: address, trustedProxies: [] } as never,
      limits: testLimits(options.limits),
    },
    certificates: options.tls === false ? undefined : certificates,
    wires: [fedctlV1, flowerControl, flowerHttp],
    routes: [{ method: 'GET', path: '/healthz', handle: () => ({ status: 200, body: 'ok' }) }],
    dispatch,
    log: silentLogger,
    metrics: silentMetrics,
  });
  const [grpc, http] = [await serving.front.listen(), await serving.https.listen()];
  cleanups.push(async () => {
    await serving.front.close();
    await serving.https.close();
  });
  return { ...serving, grpc, http };
}

const bytes = (value: Buffer) => value;

function grpcClient(port: number, tls = true): Client {
  const made = tls ? credentials.createSsl(Buffer.from(pair.cert)) : credentials.createInsecure();
  const client = new Client(`localhost:${port}`, made, { 'grpc.use_local_subchannel_pool': 1 });
  cleanups.push(() => client.close());
  return client;
}

function callGrpc(client: Client): Promise<ServiceError | null> {
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + 5000 };
    client.makeUnaryRequest(GRPC_LIST, bytes, bytes, Buffer.alloc(0), options as unknown as Metadata, resolve);
  });
}

describe('one port is as good as the other', () => {
  test('gRPC and HTTP on both, by what the TLS client speaks', async () => {
    const { grpc, http } = await serve();
    for (const port of [grpc, http]) {
      expect(await callGrpc(grpcClient(port))).toBeNull();
      expect((await callHttp({ port, ca: pair.cert, path: HTTP_LIST })).status).toBe(200);
    }
  });

  test('health, keys and pages stay on the HTTPS port', async () => {
    const { grpc, http } = await serve();
    const get = (port: number) => callHttp({ port, ca: pair.cert, path: '/healthz', method: 'GET' });
    expect([(await get(http)).status, (await get(grpc)).status]).toEqual([200, 404]);
  });

  test.each([
    ['both', ['h2', 'http/1.1'], { grpc: 'h2', http: 'http/1.1' }],
    ['both, the other way round', ['http/1.1', 'h2'], { grpc: 'h2', http: 'http/1.1' }],
    ['HTTP/1.1', ['http/1.1'], { grpc: 'http/1.1', http: 'http/1.1' }],
    ['HTTP/2', ['h2'], { grpc: 'h2', http: 'h2' }],
    ['HTTP/1.1, as it is without a word of it', [], { grpc: false, http: false }],
    ['neither', ['spdy/3'], { grpc: 'refused', http: 'refused' }],
  ])('a client that speaks %s', async (_name, ALPNProtocols, expected) => {
    const { grpc, http } = await serve();
    const agreed = (port: number) =>
      new Promise((resolve) => {
        const socket = connectTls({ host: '127.0.0.1', servername: 'localhost', port, ca: pair.cert, ALPNProtocols });
        socket.once('secureConnect', () => resolve(socket.alpnProtocol));
        socket.once('error', () => resolve('refused'));
        cleanups.push(() => socket.destroy());
      });
    expect({ grpc: await agreed(grpc), http: await agreed(http) }).toEqual(expected);
  });

  test('without TLS each port has its own protocol', async () => {
    const { grpc, http } = await serve({ tls: false });
    expect(await callGrpc(grpcClient(grpc, false))).toBeNull();
    expect((await callHttp({ port: http, path: HTTP_LIST })).status).toBe(200);
    expect((await callGrpc(grpcClient(http, false)))?.code).toBe(status.UNAVAILABLE);
    await expect(callHttp({ port: grpc, path: HTTP_LIST })).rejects.toBeDefined();
  });

  test('a new certificate holds for both protocols on both', async () => {
    const { grpc, http } = await serve();
    const next = await selfSigned({ cn: 'next' });
    await writePair(folder, next);
    await certificates.reload();
    pair = next;
    for (const port of [grpc, http]) {
      expect(await callGrpc(grpcClient(port))).toBeNull();
      expect((await callHttp({ port, ca: next.cert, path: HTTP_LIST })).status).toBe(200);
    }
  });

  test('T-28: the bound of a port counts both; idle ones are closed on both', async () => {
    const { grpc, http } = await serve({ limits: { connectionsPerAddress: 2, idle: 200 } });
    for (const port of [grpc, http]) {
      const taken = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
      await Promise.all(taken.map((socket) => new Promise((done) => socket.once('connect', done))));
      await expect(callHttp({ port, ca: pair.cert, path: HTTP_LIST })).rejects.toMatchObject({ code: 'ECONNRESET' });
      for (const socket of taken) socket.destroy();
      await until(
        async () => (await callHttp({ port, ca: pair.cert, path: HTTP_LIST }).catch(() => undefined)) ?? false,
      );
      const session = connectHttp2(`https://localhost:${port}`, { ca: pair.cert });
      await new Promise((done) => session.once('close', done));
    }
  });
});

describe('drain', () => {
  test('F-28: streams on all four ways end at once, none of them as if it were complete; then all is closed', async () => {
    const { grpc, http, front, https } = await serve();
    const ends = [grpc, http].flatMap((port) => {
      const call = grpcClient(port).makeServerStreamRequest(GRPC_LOGS, bytes, bytes, RUN_1);
      call.on('data', () => {});
      const overGrpc = new Promise((resolve) => call.once('error', (error: ServiceError) => resolve(error.code)));
      return [overGrpc, cutOf(openHttp({ port, ca: pair.cert, path: HTTP_LOGS, body: RUN_1 }))];
    });
    await until(() => streams === 4);
    const started = performance.now();
    await Promise.all([front.drain(20_000), https.drain(20_000)]);
    expect(performance.now() - started).toBeLessThan(5000);
    expect(await Promise.all(ends)).toEqual([status.UNAVAILABLE, 'cut', status.UNAVAILABLE, 'cut']);
    for (const port of [grpc, http])
      await expect(callHttp({ port, ca: pair.cert, path: HTTP_LIST })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('kept connections hold nothing up', async () => {
    const { grpc, front, https } = await serve();
    const { Agent, request } = await import('node:https');
    const agent = new Agent({ keepAlive: true, ca: pair.cert });
    cleanups.push(() => agent.destroy());
    const headers = { 'content-type': 'application/protobuf', 'content-length': 0 };
    const options = { host: '127.0.0.1', servername: 'localhost', port: grpc, path: HTTP_LIST, method: 'POST' };
    await new Promise<void>((done, failed) => {
      const sent = request({ ...options, agent, headers }, (response) => response.resume().once('end', done));
      sent.once('error', failed).end();
    });
    const started = performance.now();
    await Promise.all([front.drain(20_000), https.drain(20_000)]);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

async function cutOf(opening: ReturnType<typeof openHttp>): Promise<string> {
  const response = await opening;
  try {
    for await (const _piece of response);
    return response.complete ? 'complete' : 'cut';
  } catch {
    return 'cut';
  }
}
