import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PROTOBUF } from '../../support/http-wire.ts';
import { known, type ScriptedHttp, startScriptedHttp } from '../../support/scripted-http.ts';
import { until } from '../../support/until.ts';

const LIST = '/v1/control/list-federations';
const LOGS = '/v1/control/stream-logs';

let server: ScriptedHttp;

beforeAll(async () => {
  server = await startScriptedHttp(known);
});
afterAll(() => server.stop());

const request = (path: string) =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: ${PROTOBUF}\r\ncontent-length: 0\r\n\r\n`;

/** A connection with what came over it so far. */
async function open(): Promise<{ socket: Socket; answers: () => number }> {
  const socket = connect(server.port, '127.0.0.1');
  let text = '';
  socket.on('data', (piece) => {
    text += piece.toString('latin1');
  });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return { socket, answers: () => text.split('HTTP/1.1 ').length - 1 };
}

describe('requests that a client sends ahead', () => {
  test('are answered one after the other', async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let begun = 0;
    server.behave = async () => {
      begun += 1;
      await gates[begun - 1]?.promise;
      return { federations: [] };
    };
    const { socket, answers } = await open();
    socket.write(request(LIST).repeat(3));
    for (const [index, gate] of gates.entries()) {
      await until(() => begun === index + 1);
      expect([begun, answers()]).toEqual([index + 1, index]);
      gate.resolve();
      await until(() => answers() === index + 1);
    }
    socket.destroy();
  });

  test('T-29: many of them cut the connection, and make no work', async () => {
    let begun = 0;
    server.behave = async () => {
      begun += 1;
      await new Promise(() => undefined);
      return { federations: [] };
    };
    const before = server.inFlight();
    const { socket } = await open();
    socket.write(request(LIST).repeat(500));
    await once(socket, 'close');
    expect([begun, server.inFlight() - before]).toEqual([1, 1]);
  });

  test('T-30: those behind a stream are not begun once the client is gone', async () => {
    let begun = 0;
    const ended = Promise.withResolvers<void>();
    server.behave = async (incoming) => {
      begun += 1;
      incoming.accepted(undefined);
      incoming.signal.addEventListener('abort', () => ended.resolve());
      return (async function* () {
        yield { text: 'one', nextOffset: 1, engineTimestamp: 1, finished: undefined };
        await ended.promise;
      })();
    };
    const { socket, answers } = await open();
    socket.write(request(LOGS).repeat(2));
    await until(() => answers() === 1);
    socket.destroy();
    await ended.promise;
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toBe(1);
  });
});
