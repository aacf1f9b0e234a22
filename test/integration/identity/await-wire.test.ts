import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/core/log.ts';
import { silentMetrics } from '../../../src/core/metrics.ts';
import { AwaitLoginRequest, PollLoginResponse } from '../../../src/gen/fedctl/v1/sessions.ts';
import { createAuditLog } from '../../../src/server/audit/audit-log.ts';
import { configFrom } from '../../../src/server/config/load.ts';
import type { Services } from '../../../src/server/rpc/call.ts';
import { handlers } from '../../../src/server/rpc/handlers/index.ts';
import type { Input } from '../../../src/server/rpc/methods.ts';
import { createPipeline, type Dispatch } from '../../../src/server/rpc/pipeline.ts';
import { fedctlV1 } from '../../../src/server/rpc/wire/fedctl-v1.ts';
import { createServing } from '../../../src/server/serving.ts';
import { answerOf, type EvilIdp, startEvilIdp } from '../../support/evil-idp.ts';
import { collect } from '../../support/until.ts';
import { browserSecret, person, signInByPage, withoutDevice } from './people.ts';
import { asked, type Bench, evilIssuer, openBench, peer, reasonOf } from './setup.ts';

let idp: EvilIdp;
let bench: Bench;
let client: Client;
let dispatch: Dispatch;
const ended: (() => unknown)[] = [];

/** The port of a control plane that can only log people in. */
async function listen(): Promise<number> {
  const audit = createAuditLog({ rows: bench.store, log: silentLogger });
  await audit.start();
  ended.push(() => audit.stop());
  const { login, pages, sessions, clock, store } = bench;
  const services = { login, pages, sessions, accounts: store, audit, clock, log: silentLogger, facts: {} };
  const config = configFrom(
    {
      server: { plaintext: true, 'grpc-address': '127.0.0.1:1', 'https-address': '127.0.0.1:2' },
      oidc: [{ alias: 'test', issuer: 'https://idp.example', 'client-id': 'x', 'client-secret-file': 'x' }],
      openfga: { url: 'https://fga.example' },
      engine: { kind: 'none' },
    },
    '/tmp',
  );
  dispatch = createPipeline(services as unknown as Services, handlers);
  const anyPort = { host: '127.0.0.1', port: 0 };
  const { front, https } = createServing({
    config: { ...config, server: { ...config.server, grpcAddress: anyPort, httpsAddress: anyPort } },
    certificates: undefined,
    wires: [fedctlV1],
    routes: [],
    dispatch,
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

const ROUNDS = process.env.FEDCTL_SHOW_TIMES ? 30 : 3;
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

test('from the approval to the answer of AwaitLogin', async () => {
  const fromApproval: number[] = [];
  const fromCallback: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
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
  // Measured by hand; that it is pushed, await.test.ts proves without a clock.
  expect(median(fromApproval)).toBeLessThan(1000);
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

/** A call as the portal makes it. */
function ask<M extends 'login.page' | 'login.confirm' | 'login.deny' | 'login.callback'>(method: M, input: Input<M>) {
  const { signal } = new AbortController();
  const credentials = () => ({ kind: 'none' }) as const;
  return dispatch({ method, peer: person, signal, credentials, input: async () => input, accepted() {} }).result;
}

/** Rows of calls, without those of identity's own events; oldest first. */
async function rows() {
  const all = (await bench.store.auditRows(100)).filter(({ action }) => action.startsWith('login.'));
  return all.map(({ action, decision, reason, address }) => [action, decision, reason, address]).reverse();
}

test('AU-01: page, confirm, callback and await leave a row each; what is refused says why', async () => {
  const { handle, userCode } = await bench.login.start(asked, peer);
  const browser = browserSecret();
  await reasonOf(ask('login.page', { userCode: 'BBBB-BBBB' }));
  await ask('login.page', { userCode });
  const { authorizationUrl } = await ask('login.confirm', { userCode, browser });
  const answer = answerOf(await idp.signIn(authorizationUrl));
  await reasonOf(ask('login.callback', { provider: 'test', answer, browser: browserSecret() }));
  await ask('login.callback', { provider: 'test', answer, browser });
  await collect(awaitLogin(handle));
  await expect(collect(awaitLogin(handle))).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  const { userCode: unwanted } = await bench.login.start(asked, peer);
  await ask('login.deny', { userCode: unwanted });
  expect(await rows()).toEqual([
    ['login.page', 'deny', 'LOGIN_UNKNOWN', person.address],
    ['login.page', 'allow', '', person.address],
    ['login.confirm', 'allow', '', person.address],
    ['login.callback', 'deny', 'LOGIN_ANSWER_REFUSED', person.address],
    ['login.callback', 'allow', '', person.address],
    ['login.await', 'allow', '', '127.0.0.1'],
    ['login.await', 'deny', 'LOGIN_EXPIRED', '127.0.0.1'],
    ['login.deny', 'allow', '', person.address],
  ]);
});
