import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { FlowerControl, FlowerTokenStore, FlowerTokens } from '../../../src/flower/control.ts';
import { openFlowerHttp } from '../../../src/flower/http.ts';
import { rpcs } from '../../../src/flower/rpcs.ts';
import { RefreshAuthTokensRequest, RefreshAuthTokensResponse } from '../../../src/gen/flwr/proto/control.ts';
import { collect } from '../../support/until.ts';

/** A server of Flower's login: which access token is good now, and what a refresh gives. */
const login = { good: 'a2', refreshed: 0, refresh: 'ok' as 'ok' | 'refused' | 'empty' | 'cut', challenge: 'Bearer' };
let asked: { url: string; authorization: string | undefined }[] = [];
let server: Server;
let address: string;

function tokenStore(first: FlowerTokens | undefined) {
  let held = first;
  const renewals: { tokens: FlowerTokens; old: FlowerTokens }[] = [];
  const store: FlowerTokenStore = {
    tokens: async () => held,
    async renewed(tokens, old) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      held = tokens;
      renewals.push({ tokens, old });
    },
  };
  return { store, renewals };
}

const pair = (n: number): FlowerTokens => ({ accessToken: `a${n}`, refreshToken: `r${n}` });
const opened: FlowerControl[] = [];

function open(store?: FlowerTokenStore): FlowerControl {
  const endpoint = { address, insecure: true, rootCertificates: undefined };
  const control = openFlowerHttp(endpoint, { userAgent: 'fedctl/test', ...(store && { tokens: store }) });
  opened.push(control);
  return control;
}

const list = (control: FlowerControl) =>
  control.call(rpcs.listRuns, { runId: undefined, limit: undefined }, { timeoutMs: 5_000 });

function refresh(body: Buffer): Buffer | undefined {
  login.refreshed += 1;
  if (login.refresh === 'empty') return Buffer.alloc(0);
  const { refreshToken } = RefreshAuthTokensRequest.decode(body);
  if (login.refresh === 'refused' || refreshToken !== 'r1') return undefined;
  return Buffer.from(RefreshAuthTokensResponse.encode({ accessToken: 'a2', refreshToken: 'r2' }).finish());
}

beforeAll(async () => {
  server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { url = '', headers } = request;
    asked.push({ url, authorization: headers.authorization });
    const good = (body: Buffer, type: string) => response.writeHead(200, { 'content-type': type }).end(body);
    const refuse = () =>
      response
        .writeHead(401, { 'content-type': 'application/json', 'www-authenticate': login.challenge })
        .end('{"code":36,"detail":"Authentication failed."}');
    if (url.endsWith('/refresh-auth-tokens')) {
      if (login.refresh === 'cut') return response.socket?.destroy();
      const renewed = refresh(Buffer.concat(chunks));
      return renewed === undefined ? refuse() : good(renewed, 'application/protobuf');
    }
    if (url.endsWith('/get-auth-tokens')) return good(Buffer.alloc(0), 'application/protobuf');
    if (headers.authorization !== `Bearer ${login.good}`) return refuse();
    if (url.endsWith('/stop-run')) return undefined;
    return good(Buffer.alloc(0), url.endsWith('logs') ? 'application/flower-protobuf-stream' : 'application/protobuf');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  for (const control of opened) control.close();
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  asked = [];
  Object.assign(login, { good: 'a2', refreshed: 0, refresh: 'ok', challenge: 'Bearer' });
});

describe("Flower's login over HTTP", () => {
  test('an access token that is over: renewed, stored, repeated, each once', async () => {
    const { store, renewals } = tokenStore(pair(1));
    await list(open(store));
    expect(renewals).toEqual([{ tokens: pair(2), old: pair(1) }]);
    expect(asked).toEqual([
      { url: '/v1/control/list-runs', authorization: 'Bearer a1' },
      { url: '/v1/control/refresh-auth-tokens', authorization: 'Bearer a1' },
      { url: '/v1/control/list-runs', authorization: 'Bearer a2' },
    ]);
  });

  test('a stream too, before its first message', async () => {
    const { store, renewals } = tokenStore(pair(1));
    const { signal } = new AbortController();
    await collect(open(store).stream(rpcs.streamLogs, { runId: 1n, afterTimestamp: 0 }, { signal }));
    expect(renewals).toHaveLength(1);
  });

  test('calls at one time share one renewal', async () => {
    const { store, renewals } = tokenStore(pair(1));
    const control = open(store);
    await Promise.all([list(control), list(control), list(control), list(control)]);
    expect([login.refreshed, renewals.length]).toEqual([1, 1]);
  });

  test('a pair that another program has renewed meanwhile is taken from the store', async () => {
    const reads = [pair(1), pair(2)];
    const store: FlowerTokenStore = { tokens: async () => reads.shift(), renewed: async () => undefined };
    await list(open(store));
    expect(login.refreshed).toBe(0);
  });

  test.each([
    ['refused', 'refused'],
    ['empty', 'refused'],
    ['cut', 'unavailable'],
  ] as const)('a renewal that is %s', async (how, kind) => {
    login.refresh = how;
    const { store, renewals } = tokenStore(pair(1));
    await expect(list(open(store))).rejects.toMatchObject({ kind });
    expect(renewals).toEqual([]);
    expect(asked).toHaveLength(2);
  });

  test('a new token that is refused as well is not renewed again', async () => {
    login.good = 'none';
    const { store } = tokenStore(pair(1));
    await expect(list(open(store))).rejects.toMatchObject({ kind: 'refused', code: 'UNAUTHENTICATED', flowerCode: 36 });
    expect(asked).toHaveLength(3);
  });

  test('without the challenge, and without a login, nothing is renewed', async () => {
    await expect(list(open())).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(list(open(tokenStore(undefined).store))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    login.challenge = 'Basic realm="x"';
    await expect(list(open(tokenStore(pair(1)).store))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(login.refreshed).toBe(0);
  });

  test('calls of the login itself carry no token', async () => {
    const control = open(tokenStore(pair(1)).store);
    await control.call(rpcs.getAuthTokens, { deviceCode: 'x' }, { timeoutMs: 5_000 });
    expect(asked).toEqual([{ url: '/v1/control/get-auth-tokens', authorization: undefined }]);
  });

  test('an answer that never comes', async () => {
    const control = open(tokenStore(pair(2)).store);
    const start = performance.now();
    await expect(control.call(rpcs.stopRun, { runId: 1n }, { timeoutMs: 200 })).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'DEADLINE_EXCEEDED',
    });
    expect(performance.now() - start).toBeLessThan(4_000);
  });
});

test('tokens never go in the clear beyond this machine, nor to a peer that nobody verified', () => {
  const { store } = tokenStore(pair(1));
  const far = { address: '192.0.2.1:1', insecure: true, rootCertificates: undefined };
  expect(() => openFlowerHttp(far, { userAgent: 'x', tokens: store })).toThrow(
    expect.objectContaining({ reason: 'INSECURE_REFUSED' }),
  );
  const near = { ...far, address: '127.0.0.1:1', insecure: false };
  expect(() => openFlowerHttp(near, { userAgent: 'x', tokens: store, unverified: true })).toThrow();
});
