import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import * as proto from '../../../src/gen/flwr/proto/control.ts';
import { callHttp, type HttpCall, openHttp, PROTOBUF, PROTOBUF_STREAM, unframe } from '../../support/http-wire.ts';
import { known, type ScriptedHttp, startScriptedHttp } from '../../support/scripted-http.ts';
import { until } from '../../support/until.ts';

const LOGS = '/v1/control/stream-logs';
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

describe('streams', () => {
  const piece = (text: string, at: number) => ({ text, nextOffset: at, engineTimestamp: at, finished: undefined });

  test('headers at once, then framed messages, then a clean end', async () => {
    const gate = Promise.withResolvers<void>();
    server.behave = async (incoming) => {
      incoming.accepted(undefined);
      return (async function* () {
        await gate.promise;
        yield piece('one', 1);
        yield piece('two', 2);
      })();
    };
    const response = await openHttp({ port: server.port, path: LOGS, body: RUN_1 });
    expect(response.headers).toMatchObject({ 'content-type': PROTOBUF_STREAM, 'transfer-encoding': 'chunked' });
    gate.resolve();
    const body: Buffer[] = [];
    for await (const part of response) body.push(part as Buffer);
    const texts = unframe(Buffer.concat(body)).map((one) => proto.StreamLogsResponse.decode(one).logOutput);
    expect([texts.join(''), response.complete]).toEqual(['onetwo', true]);
  });

  test('what is refused at once has a status of its own', async () => {
    server.behave = async (incoming) => {
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
    server.logged.length = 0;
    const gate = Promise.withResolvers<void>();
    server.behave = async (incoming) => {
      incoming.accepted(undefined);
      return (async function* () {
        yield piece('one', 1);
        yield piece('two', 2);
        await gate.promise;
        throw error;
      })();
    };
    const response = await openHttp({ port: server.port, path: LOGS, body: RUN_1 });
    gate.resolve();
    let failure: NodeJS.ErrnoException | undefined;
    try {
      for await (const _part of response);
    } catch (cause) {
      failure = cause as NodeJS.ErrnoException;
    }
    expect([failure?.code, response.complete]).toEqual(['ECONNRESET', false]);
    expect(server.logged).toHaveLength(error.message === 'private' ? 1 : 0);
  });

  test('a reader that goes away ends the source', async () => {
    const ended = Promise.withResolvers<void>();
    const before = server.inFlight();
    server.behave = async (incoming) => {
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
    const response = await openHttp({ port: server.port, path: LOGS, body: RUN_1 });
    response.on('error', () => {});
    await once(response, 'data');
    response.destroy();
    await ended.promise;
    await until(() => server.inFlight() === before);
  });

  test('T-30: a reader that does not read holds the source back', async () => {
    let produced = 0;
    server.behave = async (incoming) => {
      incoming.accepted(undefined);
      return (async function* () {
        for (; produced < 2000; produced += 1) {
          yield piece('x'.repeat(64 * 1024), produced + 1);
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
    };
    const socket = connect(server.port, '127.0.0.1').pause();
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
