import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import * as proto from '../../../src/gen/flwr/proto/control.ts';
import type { Credentials } from '../../../src/server/rpc/call.ts';
import type { Incoming } from '../../../src/server/rpc/pipeline.ts';
import { callHttp, type HttpCall, PROTOBUF } from '../../support/http-wire.ts';
import { EMPTY, known, type ScriptedHttp, startScriptedHttp } from '../../support/scripted-http.ts';

const LIST = '/v1/control/list-runs';
const STOP = '/v1/control/stop-run';
const RUN_1 = Buffer.from([0x08, 0x01]);

let server: ScriptedHttp;

beforeAll(async () => {
  server = await startScriptedHttp(known);
});
beforeEach(() => {
  server.behave = known;
});
afterAll(() => server.stop());

const call = (path: string, rest: Partial<HttpCall> = {}) => callHttp({ port: server.port, path, ...rest });
const json = (body: Buffer) => JSON.parse(body.toString());

async function stranger(incoming: Incoming<never>): Promise<unknown> {
  incoming.credentials();
  throw new AppError('UNAUTHENTICATED', 'LOGIN_REQUIRED', 'You are not logged in.', {
    hint: 'Run: fedctl login',
  });
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
    server.behave = async (incoming) => {
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
      const sent = request({
        port: server.port,
        path: LIST,
        method: 'POST',
        agent,
        headers: { 'content-type': PROTOBUF },
      });
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
    server.measured.length = 0;
    await call(LIST);
    server.behave = fails(new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'There is no run.'));
    await call(STOP, { body: RUN_1 });
    expect(server.measured).toEqual([
      { method: 'runs.list', code: 'OK' },
      { method: 'runs.stop', code: 'NOT_FOUND' },
    ]);
    expect(server.inFlight()).toBe(0);
  });
});

describe('refusals', () => {
  test('a 401 has a code for nobody, so that flwr renews its token or names its login', async () => {
    server.behave = stranger;
    const { status, headers, body } = await call(LIST);
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect(json(body)).toEqual({ detail: 'You are not logged in. Run: flwr login' });
  });

  test("Flower's code where it has one, with the hint in what is shown", async () => {
    server.behave = fails(
      new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'There is no such run.', { hint: 'List your runs: fedctl ls' }),
    );
    const { status, headers, body } = await call(STOP, { body: RUN_1 });
    expect([status, headers['content-type']]).toEqual([404, 'application/json']);
    expect(json(body)).toEqual({ code: 16, detail: 'There is no such run.', extra: 'List your runs: flwr ls' });
  });

  test('a sentence without code otherwise; when to try again is told to proxies, too', async () => {
    server.behave = fails(
      new AppError('RESOURCE_EXHAUSTED', 'TOO_MANY_LOGINS', 'Too many logins.', {
        hint: 'Wait.',
        retryAfterMs: 1500,
      }),
    );
    const { status, headers, body } = await call('/v1/control/get-login-details');
    expect([status, headers['retry-after'], json(body)]).toEqual([429, '2', { detail: 'Too many logins. Wait.' }]);
  });

  test('what nobody foresaw is a reference and nothing else', async () => {
    server.behave = fails(new Error('password=hunter2'));
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
    server.behave = async (incoming) => {
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
    const socket = connect(server.port, '127.0.0.1');
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
