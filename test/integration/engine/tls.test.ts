import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/core/log.ts';
import { openEngine } from '../../../src/server/engine/index.ts';
import { selfSigned, writePair } from '../../support/certificates.ts';

let folder: string;
let caFile: string;
let servers: { server: Server; address: string }[];

/** A Control API that knows no runs, at this address, with a certificate for localhost and 127.0.0.1. */
async function serve(host: string, pair: { cert: string; key: string }): Promise<{ server: Server; address: string }> {
  const server = new Server();
  const raw = { requestSerialize: Buffer.from, requestDeserialize: (bytes: Buffer) => bytes };
  const path = '/flwr.proto.Control/ListRuns';
  const identity = { responseSerialize: (bytes: Buffer) => bytes, responseDeserialize: (bytes: Buffer) => bytes };
  server.addService(
    { ListRuns: { path, requestStream: false, responseStream: false, ...raw, ...identity } },
    { ListRuns: (_: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => done(null, Buffer.alloc(0)) },
  );
  const tls = ServerCredentials.createSsl(null, [
    { cert_chain: Buffer.from(pair.cert), private_key: Buffer.from(pair.key) },
  ]);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:0`, tls, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return { server, address: `${host}:${port}` };
}

async function runsAt(address: string) {
  const engine = openEngine({ kind: 'flower-grpc', name: 'tls', address, caFile, log: silentLogger });
  try {
    return await engine.listRuns();
  } finally {
    await engine.close();
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fedctl-engine-tls-'));
  const pair = await selfSigned();
  caFile = (await writePair(folder, pair)).certFile;
  servers = await Promise.all([serve('127.0.0.1', pair), serve('127.0.0.2', pair)]);
});

afterAll(async () => {
  for (const { server } of servers) server.forceShutdown();
  await rm(folder, { recursive: true, force: true });
});

test('T-46: an engine is reached over TLS by name and by address', async () => {
  const address = servers[0]?.address ?? '';
  expect(await runsAt(address)).toEqual([]);
  expect(await runsAt(address.replace('127.0.0.1', 'localhost'))).toEqual([]);
});

test('T-46: an address that the certificate does not hold is refused', async () => {
  await expect(runsAt(servers[1]?.address ?? '')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('T-46: a proxy of the environment does not come between the server and its engine', async () => {
  process.env.grpc_proxy = 'http://127.0.0.1:9';
  try {
    expect(await runsAt(servers[0]?.address ?? '')).toEqual([]);
  } finally {
    delete process.env.grpc_proxy;
  }
});
