import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Engine } from '../../../src/core/engine.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { openFlowerHttp } from '../../../src/flower/http.ts';
import { rpcs } from '../../../src/flower/rpcs.ts';
import { StartRunRequest } from '../../../src/gen/flwr/proto/control.ts';
import { openEngine } from '../../../src/server/engine/index.ts';
import { collect, until } from '../../support/until.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** What the next calls are answered with. */
let answer: Answer;
let asked: { url: string; headers: IncomingMessage['headers']; body: Buffer }[] = [];
let server: Server;
let engine: Engine;
const sockets = new Set<Socket>();
const never = new AbortController().signal;
const submit = { bundle: Buffer.from('x'), bundleSha256: '', runConfig: {}, federationConfig: {} };

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    asked.push({ url: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) });
    answer(response, request);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  engine = openEngine({ kind: 'flower-http', name: 'odd', address, insecure: true, log: silentLogger });
});

afterAll(async () => {
  await engine.close();
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  asked = [];
});

const with200 = (body: Buffer | string, type = 'application/protobuf'): Answer => {
  return (response) => response.writeHead(200, { 'content-type': type }).end(body);
};
const withError = (status: number, body: string, type = 'application/json'): Answer => {
  return (response) => response.writeHead(status, { 'content-type': type }).end(body);
};
const stream = (...frames: Buffer[]): Answer => with200(Buffer.concat(frames), 'application/flower-protobuf-stream');
const frame = (hex: string): Buffer => {
  const message = Buffer.from(hex, 'hex');
  const header = Buffer.alloc(4);
  header.writeUInt32BE(message.length);
  return Buffer.concat([header, message]);
};
/** log_output "x", latest_timestamp 1.5 */
const LINE = frame('0a017811000000000000f83f');

const INVALID = { code: 'INTERNAL', reason: 'ENGINE_ANSWER_INVALID' };
const AWAY = { code: 'UNAVAILABLE', reason: 'ENGINE_UNAVAILABLE' };
const logs = () => collect(engine.streamLogs(5n, 0, never));

describe('what is sent', () => {
  test('the path, the types, who we are, and the message alone', async () => {
    answer = with200(Buffer.from('0807', 'hex'));
    await expect(engine.startRun(submit, never)).resolves.toBe(7n);
    const [call] = asked;
    expect(call).toMatchObject({
      url: '/v1/control/start-run',
      headers: { accept: 'application/protobuf', 'content-type': 'application/protobuf', 'user-agent': 'fedctl' },
    });
    expect(call?.headers.authorization).toBeUndefined();
    expect(StartRunRequest.decode(call?.body ?? Buffer.alloc(0)).fab?.content).toEqual(Buffer.from('x'));
  });
});

describe('F-24: an HTTP engine that answers garbage', () => {
  test('bytes that are no message', async () => {
    answer = with200(Buffer.from('ffffffffffffffffffff', 'hex'));
    await expect(engine.startRun(submit, never)).rejects.toMatchObject(INVALID);
    await expect(engine.listRuns(5n)).rejects.toMatchObject(INVALID);
    answer = stream(frame('ffffffffffffffffffff'));
    await expect(logs()).rejects.toMatchObject(INVALID);
  });

  test('another type of content, a page, a redirect, a status out of nowhere', async () => {
    for (const odd of [
      with200('<html></html>', 'text/html'),
      with200('', 'text/plain'),
      withError(404, '<html>no such page</html>', 'text/html'),
      withError(418, '{"detail":[1,2]}'),
      withError(204, ''),
      (response: ServerResponse) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    ]) {
      answer = odd;
      await expect(engine.listRuns(5n)).rejects.toMatchObject(INVALID);
      await expect(logs()).rejects.toMatchObject(INVALID);
    }
    expect(new Set(asked.map(({ url }) => url))).toEqual(new Set(['/v1/control/list-runs', '/v1/control/stream-logs']));
  });

  test('a run is unknown only by the word of the engine', async () => {
    answer = withError(404, '{"code":16,"detail":"Run ID not found."}');
    await expect(engine.listRuns(5n)).resolves.toEqual([]);
    await expect(logs()).rejects.toMatchObject({ reason: 'RUN_NOT_FOUND' });
    answer = withError(404, '{"detail":"Not Found"}');
    await expect(engine.listRuns(5n)).rejects.toMatchObject({ reason: 'ENGINE_REFUSED' });
    await expect(logs()).rejects.toMatchObject({ reason: 'ENGINE_REFUSED' });
  });

  test('a proxy that can not reach it', async () => {
    for (const status of [502, 503, 504]) {
      answer = withError(status, `<html><h1>${status}</h1></html>`, 'text/html');
      await expect(engine.startRun(submit, never)).rejects.toMatchObject(AWAY);
      await expect(logs()).rejects.toMatchObject(AWAY);
    }
  });

  test('an endless page of an error, a frame without end', async () => {
    answer = (response) => {
      response.writeHead(500, { 'content-type': 'text/html' });
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    await expect(engine.listRuns(5n)).rejects.toMatchObject(INVALID);
    answer = stream(Buffer.from('ffffffff', 'hex'), Buffer.alloc(1000));
    await expect(logs()).rejects.toMatchObject(INVALID);
    await until(() => [...sockets].every((socket) => socket.bytesWritten < 1_000_000_000) && sockets.size < 5);
  });

  test('no HTTP at all', async () => {
    answer = (response) => void response.socket?.end('SSH-2.0-OpenSSH\r\n');
    await expect(engine.listRuns(5n)).rejects.toMatchObject(INVALID);
  });
});

describe('connections that break', () => {
  test('before an answer: it may have acted, and nothing is sent twice', async () => {
    answer = (response) => void response.socket?.destroy();
    await expect(engine.startRun(submit, never)).rejects.toMatchObject(AWAY);
    await expect(engine.stopRun(5n)).rejects.toMatchObject(AWAY);
    expect(asked.map(({ url }) => url)).toEqual(['/v1/control/start-run', '/v1/control/stop-run']);
  });

  test('in an answer', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/protobuf', 'content-length': '100' });
      response.write('x', () => response.socket?.resetAndDestroy());
    };
    await expect(engine.listRuns(5n)).rejects.toMatchObject(AWAY);
  });

  test('a connection that was closed while it lay idle costs a read nothing', async () => {
    answer = with200('');
    await engine.listRuns();
    for (const socket of sockets) socket.destroy();
    await expect(engine.listRuns()).resolves.toEqual([]);
  });

  test('a read that gets no answer in time is not asked again, also on a connection that was used before', async () => {
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const endpoint = { address, insecure: true, rootCertificates: undefined };
    const control = openFlowerHttp(endpoint, { userAgent: 'test' });
    const list = () => control.call(rpcs.listRuns, { runId: undefined, limit: undefined }, { timeoutMs: 300 });
    answer = with200('');
    await list();
    answer = () => undefined;
    await expect(list()).rejects.toMatchObject({ kind: 'unavailable', code: 'DEADLINE_EXCEEDED' });
    expect(asked).toHaveLength(2);
    control.close();
  });

  test('in a log: what came is given, then it is told; only a marked end is one', async () => {
    const cuts: Answer[] = [
      // In a frame, though HTTP itself ends well.
      stream(LINE, LINE.subarray(0, 7)),
      stream(LINE, LINE.subarray(0, 2)),
      // Between frames, without the end of the chunks.
      (response) => {
        response.writeHead(200, { 'content-type': 'application/flower-protobuf-stream' });
        response.write(LINE, () => response.socket?.destroy());
      },
      // An end that is only the end of the connection.
      (response) => {
        const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/flower-protobuf-stream\r\nConnection: close\r\n\r\n';
        response.socket?.end(Buffer.concat([Buffer.from(head), LINE]));
      },
    ];
    for (const cut of cuts) {
      answer = cut;
      const texts: string[] = [];
      const reading = (async () => {
        for await (const { text } of engine.streamLogs(5n, 0, never)) texts.push(text);
      })();
      await expect(reading).rejects.toMatchObject(AWAY);
      expect(texts).toEqual(['x']);
    }
    answer = stream(LINE, LINE);
    await expect(logs()).resolves.toEqual([
      { text: 'x', timestamp: 1.5 },
      { text: 'x', timestamp: 1.5 },
    ]);
  });

  test('a log that nobody reads any more is closed at the engine', async () => {
    let gone = false;
    answer = (response) => {
      response.once('close', () => {
        gone = true;
      });
      response.writeHead(200, { 'content-type': 'application/flower-protobuf-stream' });
      response.write(LINE);
    };
    const cut = new AbortController();
    const reading = (async () => {
      for await (const _ of engine.streamLogs(5n, 0, cut.signal)) cut.abort();
    })();
    await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
    await until(() => gone);
  });

  test('a start that is given up is cancelled', async () => {
    const cut = new AbortController();
    answer = () => cut.abort();
    await expect(engine.startRun(submit, cut.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
