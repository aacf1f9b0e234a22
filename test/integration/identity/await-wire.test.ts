import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/core/log.ts';
import { silentMetrics } from '../../../src/core/metrics.ts';
import { AwaitLoginRequest, PollLoginResponse } from '../../../src/gen/fedctl/v1/sessions.ts';
import { createAuditLog } from '../../../src/server/audit/audit-log.ts';
import { configFrom } from '../../../src/server/config/load.ts';
import type { Services } from '../../../src/server/rpc/call.ts';
import { handlers } from '../../../src/server/rpc/handlers/index.ts';
import { createPipeline } from '../../../src/server/rpc/pipeline.ts';
import { fedctlV1 } from '../../../src/server/rpc/wire/fedctl-v1.ts';
import { createServing } from '../../../src/server/serving.ts';
import { type EvilIdp, startEvilIdp } from '../../support/evil-idp.ts';
import { person, signInByPage, withoutDevice } from './people.ts';
import { type Bench, evilIssuer, openBench } from './setup.ts';

let idp: EvilIdp;
let bench: Bench;
let client: Client;
const ended: (() => unknown)[] = [];

/** The port of a control plane that can only log people in. */
async function listen(): Promise<number> {
  const audit = createAuditLog({ rows: bench.store, log: silentLogger });
  await audit.start();
  ended.push(() => audit.stop());
  const { login, pages, sessions, clock, store } = bench;
  const services = { login, pages, sessions, accounts: store, audit, clock, log: silentLogger };
  const config = configFrom(
    {
      server: { plaintext: true, 'grpc-address': '127.0.0.1:1', 'https-address': '127.0.0.1:2' },
      oidc: [{ alias: 'test', issuer: 'https://idp.example', 'client-id': 'x', 'client-secret-file': 'x' }],
      openfga: { url: 'https://fga.example' },
      engine: { kind: 'none' },
    },
    '/tmp',
  );
  const anyPort = { host: '127.0.0.1', port: 0 };
  const { front, https } = createServing({
    config: { ...config, server: { ...config.server, grpcAddress: anyPort, httpsAddress: anyPort } },
    certificates: undefined,
    wires: [fedctlV1],
    routes: [],
    dispatch: createPipeline(services as unknown as Services, handlers),
    log: silentLogger,
    metrics: silentMetrics,
  });
  ended.push(
    () => https.close(),
    () => front.close(),
  );
  return front.listen();
}

beforeEach(async () => {
  idp = await startEvilIdp();
  withoutDevice(idp);
  bench = await openBench(evilIssuer(idp), { limits: { startsPerMinute: 1000 } });
  client = new Client(`127.0.0.1:${await listen()}`, credentials.createInsecure());
  ended.push(() => client.close());
});
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
  await bench.cleanup();
  await idp.stop();
});

/** A call of AwaitLogin: its messages as they come. */
function awaitLogin(handle: string) {
  return client.makeServerStreamRequest(
    '/fedctl.v1.Sessions/AwaitLogin',
    (request: AwaitLoginRequest) => Buffer.from(AwaitLoginRequest.encode(request).finish()),
    (bytes: Buffer) => PollLoginResponse.decode(bytes),
    { handle },
    new Metadata(),
  );
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

test('from the approval to the answer of AwaitLogin: tens of milliseconds, not a poll', async () => {
  const fromApproval: number[] = [];
  const fromCallback: number[] = [];
  for (let round = 0; round < 15; round += 1) {
    const { handle, answer, browser } = await signInByPage(bench, idp);
    const stream = awaitLogin(handle);
    const told = new Promise<void>((resolve) => stream.once('data', () => resolve()));
    const approved = new Promise<{ tokens: string; at: number }>((resolve, reject) => {
      stream.on('error', reject);
      stream.on('data', (message: PollLoginResponse) => {
        if (message.tokens) resolve({ tokens: message.tokens.accessToken, at: performance.now() });
      });
    });
    await told;
    const called = performance.now();
    let done = called;
    await bench.pages.callback('test', answer, browser, person).then(() => {
      done = performance.now();
    });
    const { tokens, at } = await approved;
    expect((await bench.sessions.authenticate(tokens)).account.handle).toBe('alice');
    fromApproval.push(Math.max(0, at - done));
    fromCallback.push(at - called);
  }
  if (process.env.FEDCTL_SHOW_TIMES)
    process.stderr.write(
      `approval to answer: ${median(fromApproval)} ms, redirect to answer: ${median(fromCallback)} ms\n`,
    );
  // Looking into the store, as for other processes, takes up to 250 ms.
  expect(median(fromApproval)).toBeLessThan(100);
});

test('a client that hangs up frees its place on the server', async () => {
  const { handle, answer, browser } = await signInByPage(bench, idp);
  const stream = awaitLogin(handle);
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.once('data', resolve));
  stream.cancel();
  const again = awaitLogin(handle);
  const states: string[] = [];
  again.on('data', ({ state }: PollLoginResponse) => void states.push(state));
  await new Promise((resolve) => again.once('data', resolve));
  await bench.pages.callback('test', answer, browser, person);
  await new Promise((resolve, reject) => again.once('end', resolve).once('error', reject));
  expect(states).toEqual(['pending', 'approved']);
});
