import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import type { Incoming } from '../../../src/server/rpc/pipeline.ts';
import { callHttp, type HttpCall, PROTOBUF } from '../../support/http-wire.ts';
import { EMPTY, known, type ScriptedHttp, startScriptedHttp } from '../../support/scripted-http.ts';

const MiB = 1024 * 1024;
const LIST = '/v1/control/list-runs';
const START = '/v1/control/start-run';

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

describe('T-31: uploads', () => {
  test('of what a stranger submits nothing is read while nobody knows them', async () => {
    let asked = false;
    server.behave = () => {
      asked = true;
      return new Promise(() => {});
    };
    const sent = request({ port: server.port, path: START, method: 'POST', headers: { 'content-type': PROTOBUF } });
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
    server.behave = stranger;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const headers = { 'content-type': PROTOBUF };
    const ask = async (path: string, body?: Buffer) => {
      const sent = request({ port: server.port, path, method: 'POST', agent, headers });
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
    const sent = request({ port: server.port, path: LIST, method: 'POST', headers: { 'content-type': PROTOBUF } });
    for (let round = 0; round < 3; round += 1) sent.write(Buffer.alloc(30 * 1024));
    sent.end();
    const [response] = await once(sent, 'response');
    expect(response.statusCode).toBe(413);
    response.resume();
  });

  test('who hangs up half-way has submitted nothing', async () => {
    const outcome = Promise.withResolvers<string>();
    server.behave = async (incoming) => {
      await incoming.input().catch((error: AppError) => outcome.resolve(error.reason));
      return EMPTY;
    };
    const sent = request({
      port: server.port,
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
