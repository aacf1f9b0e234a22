import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/log.ts';
import type { Metrics } from '../../../src/core/metrics.ts';
import * as proto from '../../../src/gen/flwr/proto/control.ts';
import type { Credentials } from '../../../src/server/rpc/call.ts';
import type { Dispatch, Incoming } from '../../../src/server/rpc/pipeline.ts';
import { flowerHttp } from '../../../src/server/rpc/wire/flower-http.ts';
import { createCalls } from '../../../src/server/transport/calls.ts';
import { createHttpCalls } from '../../../src/server/transport/http-calls.ts';
import { createHttps, type Https } from '../../../src/server/transport/https.ts';
import { testLimits } from '../../support/echo-server.ts';
import { callHttp, type HttpCall, openHttp, PROTOBUF, PROTOBUF_STREAM, unframe } from '../../support/http-wire.ts';
import { until } from '../../support/until.ts';

const MiB = 1024 * 1024;
const LIST = '/v1/control/list-runs';
const STOP = '/v1/control/stop-run';
const START = '/v1/control/start-run';
const LOGS = '/v1/control/stream-logs';

const RUN_1 = Buffer.from([0x08, 0x01]);
const EMPTY = { runs: [], nextCursor: '', now: 0 };

/** What the pipeline does in a test: the transport knows nothing else of it. */
let behave: (incoming: Incoming<never>) => Promise<unknown>;
let https: Https;
let port: number;
const logged: object[] = [];
const measured: object[] = [];
let inFlight = 0;

beforeAll(async () => {
  const dispatch = ((incoming: Incoming<never>) => ({
    requestId: 'ref-1',
    result: behave(incoming),
  })) as unknown as Dispatch;
  const limits = testLimits();
  const log = { ...silentLogger, error: (fields: object) => logged.push(fields) };
  const metrics: Metrics = {
    count() {},
    observe: (_name, labels) => measured.push(labels),
    set: (name, _labels, value) => {
      if (name === 'rpc_in_flight') inFlight = value;
    },
  };
  const calls = createHttpCalls({
    wires: [flowerHttp],
    calls: createCalls({ dispatch, limits, log, metrics }),
    limits,
  });
  https = createHttps({
    certificates: undefined,
    host: '127.0.0.1',
    port: 0,
    routes: [],
    calls,
    limits,
    log: silentLogger,
  });
  port = await https.listen();
});

beforeEach(() => {
  behave = known;
});

afterAll(() => https.close());

const call = (path: string, rest: Partial<HttpCall> = {}) => callHttp({ port, path, ...rest });
const json = (body: Buffer) => JSON.parse(body.toString());

/** Behaves as the pipeline does with a logged-in caller. */
async function known(incoming: Incoming<never>): Promise<unknown> {
  incoming.credentials();
  incoming.accepted(undefined);
  await incoming.input();
  return EMPTY;
}

async function stranger(incoming: Incoming<never>): Promise<unknown> {
  incoming.credentials();
  throw new AppError('UNAUTHENTICATED', 'LOGIN_REQUIRED', 'You are not logged in.', { hint: 'Run: fedctl login' });
}

function fails(error: Error) {
  return async () => {
    throw error;
  };
}

describe('a call over HTTP', () => {
  test('an empty body is an empty message, and the answer is a bare one', async () => {
    const { status, headers, body } = await call(LIST);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': PROTOBUF,
      'content-length': String(body.length),
      'cache-control': 'no-store',
      pragma: 'no-cache',
      'x-content-type-options': 'nosniff',
      'strict-transport-security': expect.stringContaining('max-age'),
    });
    expect(proto.ListRunsResponse.decode(body)).toMatchObject({ runDict: new Map() });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('its message chooses the method, as over gRPC', async () => {
    const asked: string[] = [];
    behave = async (incoming) => {
      asked.push(incoming.method);
      throw new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'There is no run.');
    };
    await call(LIST);
    await call(LIST, { body: proto.ListRunsRequest.encode({ runId: 7n } as proto.ListRunsRequest).finish() });
    expect(asked).toEqual(['runs.list', 'runs.get']);
  });

  test('a connection serves one call after the other', async () => {
    const sockets = new Set<unknown>();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let round = 0; round < 3; round += 1) {
      const sent = request({ port, path: LIST, method: 'POST', agent, headers: { 'content-type': PROTOBUF } });
      sent.end();
      const [response] = await once(sent, 'response');
      sockets.add(sent.socket);
      response.resume();
      await once(response, 'end');
    }
    agent.destroy();
    expect(sockets.size).toBe(1);
  });

  test('metrics count it under the names of gRPC', async () => {
    measured.length = 0;
    await call(LIST);
    behave = fails(new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'There is no run.'));
    await call(STOP, { body: RUN_1 });
    expect(measured).toEqual([
      { method: 'runs.list', code: 'OK' },
      { method: 'runs.stop', code: 'NOT_FOUND' },
    ]);
    expect(inFlight).toBe(0);
  });
});

describe('refusals', () => {
  test('a 401 has a code for nobody, so that flwr renews its token or names its login', async () => {
    behave = stranger;
    const { status, headers, body } = await call(LIST);
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect(json(body)).toEqual({ detail: 'You are not logged in. Run: flwr login' });
  });

  test("Flower's code where it has one, with the hint in what is shown", async () => {
    behave = fails(
      new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'There is no such run.', { hint: 'List your runs: fedctl ls' }),
    );
    const { status, headers, body } = await call(STOP, { body: RUN_1 });
    expect([status, headers['content-type']]).toEqual([404, 'application/json']);
    expect(json(body)).toEqual({ code: 16, detail: 'There is no such run.', extra: 'List your runs: flwr ls' });
  });

  test('a sentence without code otherwise; when to try again is told to proxies, too', async () => {
    behave = fails(
      new AppError('RESOURCE_EXHAUSTED', 'TOO_MANY_LOGINS', 'Too many logins.', {
        hint: 'Wait.',
        retryAfterMs: 1500,
      }),
    );
    const { status, headers, body } = await call('/v1/control/get-login-details');
    expect([status, headers['retry-after'], json(body)]).toEqual([429, '2', { detail: 'Too many logins. Wait.' }]);
  });

  test('what nobody foresaw is a reference and nothing else', async () => {
    behave = fails(new Error('password=hunter2'));
    const { status, body } = await call(LIST);
    expect([status, json(body)]).toEqual([500, { detail: 'Something went wrong on the server (reference ref-1).' }]);
  });

  test('malformed bytes, wrong types, compressed bodies', async () => {
    const malformed = await call(LIST, { body: Buffer.from([0x0f, 0xff]) });
    expect([malformed.status, json(malformed.body)]).toEqual([
      400,
      { code: 1003, detail: 'The request could not be read.' },
    ]);
    for (const headers of [
      { 'content-type': 'application/json' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-encoding': 'gzip' },
    ]) {
      const { status, body } = await call(LIST, { headers, body: RUN_1 });
      expect([status, json(body).code]).toEqual([415, 1002]);
    }
    expect((await call(LIST, { headers: { 'content-type': 'Application/Protobuf; v=1' } })).status).toBe(200);
  });

  test('browsers get nothing: no preflight, no GET', async () => {
    for (const method of ['OPTIONS', 'GET', 'PUT', 'DELETE']) {
      const { status, headers, body } = await call(LIST, { method, headers: { origin: 'https://evil.example' } });
      expect([method, status, headers.allow, json(body)]).toEqual([
        method,
        405,
        'POST',
        { detail: 'Method Not Allowed' },
      ]);
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
    const head = await call(LIST, { method: 'HEAD' });
    expect([head.status, head.body.length]).toEqual([405, 0]);
  });

  test('unknown paths; calls that are not served', async () => {
    const unknown = await call('/v1/control/nope');
    expect([unknown.status, json(unknown.body)]).toEqual([404, { detail: 'Not Found' }]);
    const unserved = await call('/v1/control/list-apps');
    expect([unserved.status, json(unserved.body)]).toEqual([
      501,
      { detail: expect.stringMatching(/^This server .*\.$/) },
    ]);
  });
});

describe('credentials', () => {
  const credentialsOf = async (headers: HttpCall['headers']): Promise<Credentials | number> => {
    let read: Credentials | undefined;
    behave = async (incoming) => {
      read = incoming.credentials();
      return EMPTY;
    };
    const { status } = await call(LIST, headers ? { headers } : {});
    return read ?? status;
  };

  test('AT-14: one bearer token, whatever the case of its scheme', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER'])
      expect(await credentialsOf({ authorization: `${scheme} abc` })).toEqual({ kind: 'bearer', accessToken: 'abc' });
    expect(await credentialsOf({})).toEqual({ kind: 'none' });
  });

  test.each([
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['two in one', { authorization: 'Bearer a, Bearer b' }],
  ])('AT-15: %s is refused', async (_name, headers) => {
    expect(await credentialsOf(headers)).toBe(401);
  });

  test('AT-15: two headers are refused', async () => {
    const socket = connect(port, '127.0.0.1');
    const lines = ['Host: x', `Content-Type: ${PROTOBUF}`, 'Content-Length: 0', 'Connection: close'];
    const twice = ['Authorization: Bearer a', 'Authorization: Bearer b'];
    socket.write([`POST ${LIST} HTTP/1.1`, ...lines, ...twice, '', ''].join('\r\n'));
    let answer = '';
    for await (const piece of socket) answer += piece;
    expect(answer).toMatch(/^HTTP\/1.1 401 /);
    expect(answer).toMatch(/\r\nwww-authenticate: Bearer\r\n/i);
  });

  test("Flower's gRPC metadata counts for nothing here", async () => {
    expect(await credentialsOf({ 'flwr-oidc-access-token': 'a', 'flwr-oidc-refresh-token': 'b' })).toEqual({
      kind: 'none',
    });
  });
});

describe('T-31: uploads', () => {
  test('of what a stranger submits nothing is read while nobody knows them', async () => {
    let asked = false;
    behave = () => {
      asked = true;
      return new Promise(() => {});
    };
    const sent = request({ port, path: START, method: 'POST', headers: { 'content-type': PROTOBUF } });
    sent.on('error', () => {});
    let taken = 0;
    const piece = Buffer.alloc(64 * 1024);
    const more = (): void => {
      if (taken < 40 * MiB) sent.write(piece, (failure) => !failure && more());
      taken += piece.length;
    };
    more();
    let last = -1;
    while (taken !== last) {
      last = taken;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    sent.destroy();
    expect(asked).toBe(true);
    // Buffers of the operating system, and no more.
    expect(taken).toBeLessThan(12 * MiB);
  });

  test('refused while still sending, a client reads its 401 and may go on with the same connection', async () => {
    behave = stranger;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const headers = { 'content-type': PROTOBUF };
    const ask = async (path: string, body?: Buffer) => {
      const sent = request({ port, path, method: 'POST', agent, headers });
      sent.end(body);
      const [response] = await once(sent, 'response');
      response.resume();
      await once(response, 'end');
      return { status: response.statusCode, offer: response.headers['www-authenticate'], socket: sent.socket };
    };
    const refused = await ask(START, Buffer.alloc(10 * MiB));
    expect([refused.status, refused.offer]).toEqual([401, 'Bearer']);
    expect((await ask(LIST)).socket).toBe(refused.socket);
    agent.destroy();
  });

  test('too large is refused with a sentence, be it announced or not', async () => {
    const announced = await call(START, { body: Buffer.alloc(12 * MiB + 1) });
    expect([announced.status, json(announced.body).detail]).toEqual([413, expect.stringContaining('at most')]);
    const small = await call(LIST, { body: Buffer.alloc(64 * 1024 + 1) });
    expect(small.status).toBe(413);
    const sent = request({ port, path: LIST, method: 'POST', headers: { 'content-type': PROTOBUF } });
    for (let round = 0; round < 3; round += 1) sent.write(Buffer.alloc(30 * 1024));
    sent.end();
    const [response] = await once(sent, 'response');
    expect(response.statusCode).toBe(413);
    response.resume();
  });

  test('who hangs up half-way has submitted nothing', async () => {
    const outcome = Promise.withResolvers<string>();
    behave = async (incoming) => {
      await incoming.input().catch((error: AppError) => outcome.resolve(error.reason));
      return EMPTY;
    };
    const sent = request({
      port,
      path: START,
      method: 'POST',
      headers: { 'content-type': PROTOBUF, 'content-length': 1000 },
    });
    sent.on('error', () => {});
    sent.write(Buffer.alloc(500), () => setTimeout(() => sent.destroy(), 50));
    expect(await outcome.promise).toBe('CALL_ENDED');
  });

  test('headers beyond the limit cut the connection', async () => {
    await expect(call(LIST, { headers: { 'x-filler': 'x'.repeat(17_000) } })).rejects.toMatchObject({
      code: expect.stringMatching(/ECONNRESET|EPIPE/),
    });
  });
});

describe('streams', () => {
  const piece = (text: string, at: number) => ({ text, nextOffset: at, engineTimestamp: at, finished: undefined });

  test('headers at once, then framed messages, then a clean end', async () => {
    const gate = Promise.withResolvers<void>();
    behave = async (incoming) => {
      incoming.accepted(undefined);
      return (async function* () {
        await gate.promise;
        yield piece('one', 1);
        yield piece('two', 2);
      })();
    };
    const response = await openHttp({ port, path: LOGS, body: RUN_1 });
    expect(response.headers).toMatchObject({ 'content-type': PROTOBUF_STREAM, 'transfer-encoding': 'chunked' });
    gate.resolve();
    const body: Buffer[] = [];
    for await (const part of response) body.push(part as Buffer);
    const texts = unframe(Buffer.concat(body)).map((one) => proto.StreamLogsResponse.decode(one).logOutput);
    expect([texts.join(''), response.complete]).toEqual(['onetwo', true]);
  });

  test('what is refused at once has a status of its own', async () => {
    behave = async (incoming) => {
      incoming.accepted(undefined);
      // biome-ignore lint/correctness/useYield: it fails before it could
      return (async function* () {
        throw new AppError('RESOURCE_EXHAUSTED', 'TOO_MANY_STREAMS', 'Too many logs.');
      })();
    };
    const { status, body } = await call(LOGS, { body: RUN_1 });
    expect([status, json(body)]).toEqual([429, { detail: 'Too many logs.' }]);
  });

  test.each([
    ['its right is lost', new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'There is no such run.')],
    ['its session ends', new AppError('UNAUTHENTICATED', 'SESSION_ENDED', 'Over.')],
    ['it breaks', new Error('private')],
  ])('one never looks complete when %s', async (_why, error) => {
    logged.length = 0;
    const gate = Promise.withResolvers<void>();
    behave = async (incoming) => {
      incoming.accepted(undefined);
      return (async function* () {
        yield piece('one', 1);
        yield piece('two', 2);
        await gate.promise;
        throw error;
      })();
    };
    const response = await openHttp({ port, path: LOGS, body: RUN_1 });
    gate.resolve();
    let failure: NodeJS.ErrnoException | undefined;
    try {
      for await (const _part of response);
    } catch (cause) {
      failure = cause as NodeJS.ErrnoException;
    }
    expect([failure?.code, response.complete]).toEqual(['ECONNRESET', false]);
    expect(logged).toHaveLength(error.message === 'private' ? 1 : 0);
  });

  test('a reader that goes away ends the source', async () => {
    const ended = Promise.withResolvers<void>();
    const before = inFlight;
    behave = async (incoming) => {
      incoming.accepted(undefined);
      return (async function* () {
        try {
          for (let at = 1; ; at += 1) {
            yield piece('x'.repeat(1000), at);
            await new Promise((resolve) => setImmediate(resolve));
          }
        } finally {
          ended.resolve();
        }
      })();
    };
    const response = await openHttp({ port, path: LOGS, body: RUN_1 });
    response.on('error', () => {});
    await once(response, 'data');
    response.destroy();
    await ended.promise;
    await until(() => inFlight === before);
  });

  test('T-30: a reader that does not read holds the source back', async () => {
    let produced = 0;
    behave = async (incoming) => {
      incoming.accepted(undefined);
      return (async function* () {
        for (; produced < 2000; produced += 1) {
          yield piece('x'.repeat(64 * 1024), produced + 1);
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
    };
    const socket = connect(port, '127.0.0.1').pause();
    const head = [`POST ${LOGS} HTTP/1.1`, 'Host: x', `Content-Type: ${PROTOBUF}`, 'Content-Length: 2', '', ''];
    socket.write(Buffer.concat([Buffer.from(head.join('\r\n')), RUN_1]));
    let last = -1;
    while (produced === 0 || produced !== last) {
      last = produced;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    socket.destroy();
    expect(produced).toBeLessThan(250);
  });
});
