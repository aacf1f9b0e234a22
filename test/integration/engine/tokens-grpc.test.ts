import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { FlowerControl, FlowerTokenStore, FlowerTokens } from '../../../src/flower/control.ts';
import { openFlowerGrpc } from '../../../src/flower/grpc.ts';
import { rpcs } from '../../../src/flower/rpcs.ts';
import { freePort } from '../../support/openfga.ts';

const ACCESS = 'flwr-oidc-access-token';
const REFRESH = 'flwr-oidc-refresh-token';

/** What goes back in the initial metadata, and what came. */
let handedOut: Record<string, string> = {};
let fails = false;
let came: { rpc: string; access: unknown[]; refresh: unknown[]; agent: unknown[] }[] = [];
let held: FlowerTokens | undefined;
let renewals: FlowerTokens[] = [];
let server: Server;
let control: FlowerControl;

const store: FlowerTokenStore = {
  tokens: async () => held,
  async renewed(tokens) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    held = tokens;
    renewals.push(tokens);
  },
};

const raw = {
  requestStream: false,
  requestSerialize: Buffer.from,
  requestDeserialize: (b: Buffer) => b,
  responseSerialize: (b: Buffer) => b,
  responseDeserialize: (b: Buffer) => b,
};
const method = (name: string, responseStream = false) => ({
  path: `/flwr.proto.Control/${name}`,
  responseStream,
  ...raw,
});

type Call = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

function receive(rpc: string, call: Call): void {
  const { metadata } = call;
  came.push({ rpc, access: metadata.get(ACCESS), refresh: metadata.get(REFRESH), agent: metadata.get('user-agent') });
  const initial = new Metadata();
  for (const [key, value] of Object.entries(handedOut)) initial.set(key, value);
  call.sendMetadata(initial);
}

beforeAll(async () => {
  server = new Server();
  const unary = (rpc: string) => (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
    receive(rpc, call);
    if (fails) done({ code: status.FAILED_PRECONDITION, details: 'no' });
    else done(null, Buffer.alloc(0));
  };
  server.addService(
    {
      ListRuns: method('ListRuns'),
      GetLoginDetails: method('GetLoginDetails'),
      StreamLogs: method('StreamLogs', true),
    },
    {
      ListRuns: unary('ListRuns'),
      GetLoginDetails: unary('GetLoginDetails'),
      StreamLogs(call: ServerWritableStream<Buffer, Buffer>) {
        receive('StreamLogs', call);
        call.write(Buffer.from('0a0178', 'hex'));
        call.end();
      },
    },
  );
  const address = `127.0.0.1:${await freePort()}`;
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  });
  const endpoint = { address, insecure: true, rootCertificates: undefined };
  control = openFlowerGrpc(endpoint, { userAgent: 'fedctl/test', tokens: store });
});

afterAll(() => {
  control.close();
  server.forceShutdown();
});

beforeEach(() => {
  [handedOut, fails, came, renewals] = [{}, false, [], []];
  held = { accessToken: 'a1', refreshToken: 'r1' };
});

const list = () => control.call(rpcs.listRuns, { runId: undefined, limit: undefined }, { timeoutMs: 5_000 });

describe("Flower's login over gRPC", () => {
  test('both tokens go with each call; we say who we are', async () => {
    await list();
    expect(came).toEqual([
      { rpc: 'ListRuns', access: ['a1'], refresh: ['r1'], agent: [expect.stringContaining('fedctl/test')] },
    ]);
    expect(renewals).toEqual([]);
  });

  test('a new pair of the initial metadata is stored before the call is over', async () => {
    handedOut = { [ACCESS]: 'a2', [REFRESH]: 'r2' };
    await list();
    expect(renewals).toEqual([{ accessToken: 'a2', refreshToken: 'r2' }]);
    await list();
    expect(came[1]?.access).toEqual(['a2']);
  });

  test('also where the call itself is refused', async () => {
    handedOut = { [ACCESS]: 'a2', [REFRESH]: 'r2' };
    fails = true;
    await expect(list()).rejects.toMatchObject({ kind: 'refused', code: 'FAILED_PRECONDITION' });
    expect(renewals).toHaveLength(1);
  });

  test('of a stream it is stored before the first message', async () => {
    handedOut = { [ACCESS]: 'a2', [REFRESH]: 'r2' };
    const { signal } = new AbortController();
    for await (const _ of control.stream(rpcs.streamLogs, { runId: 1n, afterTimestamp: 0 }, { signal })) {
      expect(renewals).toHaveLength(1);
    }
    expect(renewals).toHaveLength(1);
  });

  test('half a pair is none; without a login no server logs anybody in', async () => {
    handedOut = { [ACCESS]: 'a2' };
    await list();
    handedOut = { [ACCESS]: 'a2', [REFRESH]: 'r2' };
    held = undefined;
    await list();
    expect(renewals).toEqual([]);
    expect(came[1]).toMatchObject({ access: [], refresh: [] });
  });

  test('calls of the login itself carry no token, and bring none', async () => {
    handedOut = { [ACCESS]: 'a2', [REFRESH]: 'r2' };
    await control.call(rpcs.getLoginDetails, {}, { timeoutMs: 5_000 });
    expect(came).toMatchObject([{ rpc: 'GetLoginDetails', access: [], refresh: [] }]);
    expect(renewals).toEqual([]);
  });
});
