import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Engine } from '../../../src/core/engine.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { openEngine } from '../../../src/server/engine/index.ts';
import { freePort } from '../../support/openfga.ts';
import { collect } from '../../support/until.ts';

/** What the next call is answered with: raw bytes, so that it can be anything. */
let answer: Buffer = Buffer.alloc(0);
let server: Server;
let engine: Engine;
let address: string;
const never = new AbortController().signal;
const submit = { bundle: Buffer.from('x'), bundleSha256: '', runConfig: {}, federationConfig: {} };

const raw = {
  requestSerialize: Buffer.from,
  requestDeserialize: (b: Buffer) => b,
  responseSerialize: (b: Buffer) => b,
  responseDeserialize: (b: Buffer) => b,
};
const method = (name: string, responseStream = false) => ({
  path: `/flwr.proto.Control/${name}`,
  requestStream: false,
  responseStream,
  ...raw,
});

beforeAll(async () => {
  server = new Server();
  const unary = (_: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => done(null, answer);
  server.addService(
    {
      StartRun: method('StartRun'),
      StopRun: method('StopRun'),
      ListRuns: method('ListRuns'),
      StreamLogs: method('StreamLogs', true),
    },
    {
      StartRun: unary,
      StopRun: unary,
      ListRuns: unary,
      StreamLogs(call: ServerWritableStream<Buffer, Buffer>) {
        call.write(answer);
        call.end();
      },
    },
  );
  address = `127.0.0.1:${await freePort()}`;
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  });
  engine = openEngine({ kind: 'flower-grpc', name: 'garbage', address, insecure: true, log: silentLogger });
});

afterAll(async () => {
  await engine.close();
  server.forceShutdown();
});

const INVALID = { code: 'INTERNAL', reason: 'ENGINE_ANSWER_INVALID' };

describe('F-24: an engine that answers garbage', () => {
  test('bytes that are no message', async () => {
    answer = Buffer.from('ffffffffffffffffffff', 'hex');
    await expect(engine.startRun(submit, never)).rejects.toMatchObject(INVALID);
    await expect(engine.listRuns(5n)).rejects.toMatchObject(INVALID);
    await expect(engine.listRuns()).rejects.toMatchObject(INVALID);
    await expect(engine.stopRun(5n)).rejects.toMatchObject(INVALID);
    await expect(collect(engine.streamLogs(5n, 0, never))).rejects.toMatchObject(INVALID);
  });

  test('empty messages: a refused start, a refused stop, no runs, an empty log', async () => {
    answer = Buffer.alloc(0);
    await expect(engine.startRun(submit, never)).rejects.toMatchObject({ reason: 'ENGINE_REFUSED' });
    await expect(engine.stopRun(5n)).rejects.toMatchObject({ reason: 'ENGINE_REFUSED' });
    await expect(engine.listRuns()).resolves.toEqual([]);
    await expect(collect(engine.streamLogs(5n, 0, never))).resolves.toEqual([]);
  });

  test('a run of an unknown status hides no other, and is an error where it is asked for', async () => {
    // run_dict { 5: Run { run_id 5, status { status "odd" } } }, { 6: Run { run_id 6, status { status "running" } } }
    answer = Buffer.from('0a0d0805120908055205' + '0a036f6464' + '0a110806120d08065209' + '0a0772756e6e696e67', 'hex');
    await expect(engine.listRuns()).resolves.toMatchObject([{ id: 6n, status: 'running' }]);
    await expect(engine.listRuns(5n)).rejects.toMatchObject(INVALID);
  });

  test('a timestamp that is no number', async () => {
    answer = Buffer.concat([Buffer.from('0a017811', 'hex'), Buffer.from('000000000000f87f', 'hex')]);
    await expect(collect(engine.streamLogs(5n, 0, never))).rejects.toMatchObject(INVALID);
  });
});

test('no connection: told as not sent, within seconds', async () => {
  const nobody = `127.0.0.1:${await freePort()}`;
  const away = openEngine({ kind: 'flower-grpc', name: 'away', address: nobody, insecure: true, log: silentLogger });
  const start = performance.now();
  await expect(away.startRun(submit, never)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    reason: 'ENGINE_UNREACHABLE',
  });
  expect(performance.now() - start).toBeLessThan(10_000);
  await away.close();
});
