import { once } from 'node:events';
import { connect } from 'node:http2';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { silentMetrics } from '../../../src/core/metrics.ts';
import * as proto from '../../../src/gen/fedctl/v1/runs.ts';
import { ErrorInfo, Status } from '../../../src/gen/google/rpc/status.ts';
import { parseConfig } from '../../../src/server/config/load.ts';
import type { Dispatch, Incoming } from '../../../src/server/rpc/pipeline.ts';
import { fedctlV1 } from '../../../src/server/rpc/wire/fedctl-v1.ts';
import { flowerControl } from '../../../src/server/rpc/wire/flower-control.ts';
import { createCalls } from '../../../src/server/transport/calls.ts';
import { createFront, type Front } from '../../../src/server/transport/front.ts';
import { createGrpcServer } from '../../../src/server/transport/grpc.ts';

const LIST = '/fedctl.v1.Runs/ListRuns';
const START = '/fedctl.v1.Runs/StartRun';
const STOP = '/flwr.proto.Control/StopRun';
const MiB = 1024 * 1024;

const limits = parseConfig(
  `[[oidc]]\nalias = "a"\nissuer = "https://idp.example"\nclient-id = "c"\nclient-secret-file = "s"\n[openfga]\nurl = "http://127.0.0.1:1"\n[server]\ntls-cert = "c"\ntls-key = "k"\n[engine]\nkind = "none"\n`,
  'server.toml',
).limits;

/** What the pipeline does in a test: the transport knows nothing else of it. */
let behave: (incoming: Incoming<never>) => Promise<unknown>;
let front: Front;
let client: Client;
let port: number;
/** Errors that the transport told the log. */
const logged: object[] = [];

beforeAll(async () => {
  const dispatch = ((incoming: Incoming<never>) => ({
    requestId: 'ref-1',
    result: behave(incoming),
  })) as unknown as Dispatch;
  const log = { ...silentLogger, error: (fields: object) => logged.push(fields) };
  const calls = createCalls({ dispatch, limits, log, metrics: silentMetrics });
  const server = createGrpcServer({ wires: [fedctlV1, flowerControl], calls, limits });
  front = createFront({ server, certificates: undefined, host: '127.0.0.1', port: 0, limits, log: silentLogger });
  port = await front.listen();
  client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_send_message_length': -1,
    'grpc-node.max_session_memory': 1000,
  });
});

afterAll(async () => {
  client.close();
  await front.close();
});

const bytes = (value: Buffer) => value;
const EMPTY = { runs: [], nextCursor: '', now: 0 };

interface Answer {
  readonly error: ServiceError | null;
  readonly headers: Metadata | undefined;
}

function unary(path: string, message: Buffer, metadata = new Metadata()): Promise<Answer> {
  return new Promise((resolve) => {
    let headers: Metadata | undefined;
    const call = client.makeUnaryRequest(path, bytes, bytes, message, metadata, (error) => resolve({ error, headers }));
    call.on('metadata', (received: Metadata) => {
      headers = received;
    });
  });
}

/** A call that announces a message of 10 MiB, over plain HTTP/2. */
function rawUpload(path: string) {
  const session = connect(`http://127.0.0.1:${port}`);
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
  const request = session.request(headers);
  request.on('error', () => {});
  const head = Buffer.alloc(5);
  head.writeUInt32BE(10 * MiB, 1);
  request.write(head);
  return { session, request };
}

/** Behaves as the pipeline does with a logged-in caller. */
async function read(incoming: Incoming<never>): Promise<unknown> {
  incoming.credentials();
  incoming.accepted(undefined);
  await incoming.input();
  return EMPTY;
}

describe('the gRPC port', () => {
  test('T-27: more than 32 KiB of metadata is refused before anything is read', async () => {
    behave = read;
    const metadata = new Metadata();
    metadata.set('x-filler', 'x'.repeat(33 * 1024));
    const { error } = await unary(LIST, Buffer.alloc(0), metadata);
    expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
    const fits = new Metadata();
    fits.set('x-filler', 'x'.repeat(30 * 1024));
    expect((await unary(LIST, Buffer.alloc(0), fits)).error).toBeNull();
  });

  test('T-31: an oversize request of a small method is refused, though a submit may be as large', async () => {
    behave = read;
    const { error } = await unary(LIST, Buffer.alloc(100 * 1024));
    expect([error?.code, error?.details]).toEqual([
      status.RESOURCE_EXHAUSTED,
      'A request of this kind has at most 65536 bytes.',
    ]);
    expect((await unary(LIST, Buffer.alloc(2 * MiB))).error?.code).toBe(status.RESOURCE_EXHAUSTED);
  });

  test('T-31: a stranger that announces a large message to a small method is refused before it is collected', async () => {
    behave = () => new Promise(() => {});
    const { session, request } = rawUpload('/fedctl.v1.Sessions/GetServerInfo');
    const [headers] = await once(request, 'response');
    session.destroy();
    expect(headers['grpc-status']).toBe(String(status.RESOURCE_EXHAUSTED));
  });

  test('T-31: of what a stranger submits as flwr does, nothing is read until the caller is known', async () => {
    behave = () => new Promise(() => {});
    const { session, request } = rawUpload('/flwr.proto.Control/StartRun');
    let taken = 0;
    const piece = Buffer.alloc(64 * 1024);
    const more = (): void => {
      if (taken < 10 * MiB) request.write(piece, (failure) => !failure && more());
      taken += piece.length;
    };
    more();
    let last = -1;
    while (taken !== last) {
      last = taken;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    session.destroy();
    expect(taken).toBeLessThan(MiB);
  });

  test('T-31: an endless upload is cut off at its limit, not held in memory', async () => {
    behave = read;
    const { error, sent } = await new Promise<{ error: ServiceError | null; sent: number }>((resolve) => {
      let written = 0;
      const call = client.makeClientStreamRequest(START, bytes, bytes, (failure) =>
        resolve({ error: failure, sent: written }),
      );
      call.on('error', () => {});
      const chunk = Buffer.from(proto.StartRunRequest.encode({ chunk: Buffer.alloc(MiB) }).finish());
      const more = (): void => {
        if (written >= 64) {
          call.end();
          return;
        }
        written += 1;
        call.write(chunk, (failure: unknown) => {
          if (!failure) setImmediate(more);
        });
      };
      more();
    });
    expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(sent).toBeLessThan(64);
  });

  test('T-31: neither are messages without end that hold nothing', async () => {
    behave = read;
    const error = await new Promise<ServiceError | null>((resolve) => {
      const call = client.makeClientStreamRequest(START, bytes, bytes, resolve);
      call.on('error', () => {});
      for (let sent = 0; sent < 10_001; sent += 1) call.write(Buffer.alloc(0));
      call.end();
    });
    expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
  });

  test('malformed bytes are INVALID_ARGUMENT with a sentence', async () => {
    behave = read;
    const { error } = await unary(LIST, Buffer.from([0x0f, 0xff, 0xff]));
    expect([error?.code, error?.details]).toEqual([status.INVALID_ARGUMENT, 'The request could not be read.']);
  });

  test('an error carries code, public text, reason, hint and reference; never its cause', async () => {
    behave = async () => {
      throw new AppError('FAILED_PRECONDITION', 'RUN_FINISHED', 'The run has finished.', {
        hint: 'List your runs: fedctl ls',
        cause: new Error('password=hunter2'),
      });
    };
    const { error } = await unary(LIST, Buffer.alloc(0));
    expect([error?.code, error?.details]).toEqual([status.FAILED_PRECONDITION, 'The run has finished.']);
    const [raw] = error?.metadata.get('grpc-status-details-bin') ?? [];
    const details = Status.decode(raw as Buffer);
    const info = ErrorInfo.decode(details.details[0]?.value ?? Buffer.alloc(0));
    expect(info).toMatchObject({
      reason: 'RUN_FINISHED',
      domain: 'fedctl',
      metadata: { hint: 'List your runs: fedctl ls', 'request-id': 'ref-1' },
    });
    expect(JSON.stringify([error, raw])).not.toContain('hunter2');
  });

  test('flwr gets the text that it compares for equality', async () => {
    behave = async () => {
      throw new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'There is no run with this id that you may see.');
    };
    const { error } = await unary(STOP, Buffer.from([0x08, 0x01]));
    expect([error?.code, error?.details]).toEqual([status.NOT_FOUND, 'Run ID not found']);
  });

  test('flwr gets the code and the words by which it knows an unknown federation', async () => {
    behave = async () => {
      throw new AppError(
        'NOT_FOUND',
        'FEDERATION_NOT_FOUND',
        "Federation '@x/y' does not exist, or you may not use it.",
      );
    };
    const { error } = await unary(STOP, Buffer.from([0x08, 0x01]));
    expect(error?.code).toBe(status.FAILED_PRECONDITION);
    expect(error?.details).toMatch(/^Federation '(.+)' does not exist/);
    expect((await unary(LIST, Buffer.alloc(0))).error?.code).toBe(status.NOT_FOUND);
  });

  test('AT-15: two credentials in one call are refused', async () => {
    behave = read;
    const metadata = new Metadata();
    metadata.set('authorization', 'Bearer a');
    metadata.set('flwr-oidc-access-token', 'b');
    const { error } = await unary(LIST, Buffer.alloc(0), metadata);
    expect(error?.code).toBe(status.UNAUTHENTICATED);
    const twice = new Metadata();
    twice.add('flwr-oidc-access-token', 'a');
    twice.add('flwr-oidc-access-token', 'b');
    expect((await unary(LIST, Buffer.alloc(0), twice)).error?.code).toBe(status.UNAUTHENTICATED);
  });

  test('RT-10: a pair renewed on the way goes back in the initial metadata, both keys', async () => {
    behave = async (incoming) => {
      incoming.accepted({
        accessToken: 'new-a',
        refreshToken: 'new-r',
        expiresIn: 1,
        sessionId: 's',
        accountHandle: 'a',
      });
      return { run: undefined, mine: true };
    };
    const { error, headers } = await unary(STOP, Buffer.from([0x08, 0x01]));
    expect(error).toBeNull();
    expect([headers?.get('flwr-oidc-access-token'), headers?.get('flwr-oidc-refresh-token')]).toEqual([
      ['new-a'],
      ['new-r'],
    ]);
  });

  test('headers of a stream go out at once, long before its first message', async () => {
    const gate = Promise.withResolvers<void>();
    behave = async (incoming) => {
      incoming.accepted(undefined);
      await gate.promise;
      return (async function* () {})();
    };
    const call = client.makeServerStreamRequest(
      '/flwr.proto.Control/StreamLogs',
      bytes,
      bytes,
      Buffer.from([0x08, 0x01]),
    );
    call.on('data', () => {});
    await new Promise((resolve) => call.once('metadata', resolve));
    gate.resolve();
    await new Promise((resolve) => call.once('end', resolve));
  });

  test('a reader that goes away ends the source of its stream', async () => {
    const ended = Promise.withResolvers<void>();
    behave = async (incoming) => {
      incoming.accepted(undefined);
      return (async function* () {
        try {
          for (;;) {
            yield { text: 'x'.repeat(1000), nextOffset: 1, engineTimestamp: 1, finished: undefined };
            await new Promise((resolve) => setImmediate(resolve));
          }
        } finally {
          ended.resolve();
        }
      })();
    };
    const call = client.makeServerStreamRequest('/fedctl.v1.Runs/StreamLogs', bytes, bytes, Buffer.from([0x08, 0x01]));
    call.on('error', () => {});
    await new Promise((resolve) => call.once('data', resolve));
    call.cancel();
    await ended.promise;
  });

  test('a stream that fails half-way is INTERNAL with a reference, and its cause is in the log', async () => {
    behave = async (incoming) => {
      incoming.accepted(undefined);
      return (async function* () {
        yield { text: 'x', nextOffset: 1, engineTimestamp: 1, finished: undefined };
        throw new Error('private');
      })();
    };
    const call = client.makeServerStreamRequest('/fedctl.v1.Runs/StreamLogs', bytes, bytes, Buffer.from([0x08, 0x01]));
    call.on('data', () => {});
    const error = await new Promise<ServiceError>((resolve) => call.once('error', resolve as (error: Error) => void));
    expect(error.code).toBe(status.INTERNAL);
    expect(error.details).toContain('reference ref-1');
    expect(JSON.stringify(error)).not.toContain('private');
    expect(logged).toMatchObject([{ requestId: 'ref-1', action: 'runs.logs', err: { message: 'private' } }]);
  });

  test('T-30: a reader that does not read holds the source back', async () => {
    let produced = 0;
    behave = async (incoming) => {
      incoming.accepted(undefined);
      return (async function* () {
        for (; produced < 2000; produced += 1) {
          yield { text: 'x'.repeat(64 * 1024), nextOffset: 1, engineTimestamp: 1, finished: undefined };
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
    };
    // grpc-js reads ahead without bound; a plain HTTP/2 client that does not read leaves its windows full.
    const session = connect(`http://127.0.0.1:${port}`);
    const request = session.request({
      ':method': 'POST',
      ':path': '/fedctl.v1.Runs/StreamLogs',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    request.end(Buffer.from([0, 0, 0, 0, 2, 0x08, 0x01]));
    await once(request, 'response');
    let last = -1;
    while (produced === 0 || produced !== last) {
      last = produced;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    session.destroy();
    expect(produced).toBeLessThan(64);
  });

  test('a call that flwr knows and we do not serve says so in one sentence, to every release', async () => {
    const announced = new Metadata();
    announced.set('flwr-package-version', '1.36.0');
    const answers = [
      await unary('/flwr.proto.Control/ListApps', Buffer.alloc(0), announced),
      await unary('/flwr.proto.Control/ListApps', Buffer.alloc(0)),
    ];
    expect(answers.map(({ error }) => error?.code)).toEqual([status.UNIMPLEMENTED, status.UNIMPLEMENTED]);
    for (const { error } of answers) expect(error?.details).toMatch(/^This server keeps no apps .*\.$/);
  });
});
