import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TOKEN_TYPES } from '../../../src/core/services.ts';
import { startOpenFga, type TestOpenFga } from '../../support/openfga.ts';
import { LAB, openPlane, type Plane } from './exchange-calls.ts';
import { claimsOf, type ExchangeBench, openExchange, request } from './exchange-setup.ts';
import { logIn, peer, reasonOf } from './setup.ts';

let fga: TestOpenFga;
let bench: ExchangeBench;
let plane: Plane;

beforeAll(async () => {
  fga = await startOpenFga();
  bench = await openExchange();
  plane = await openPlane(bench, fga);
});
afterAll(async () => {
  await plane.close();
  await bench.cleanup();
  await fga.close();
});

const FORM = { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token_type: TOKEN_TYPES.jwt };
const submit = { requestId: 'r-1', federation: '', bundleSha256: '', runConfig: {}, federationConfig: {} };

describe('POST /oauth/token', () => {
  test('TX-03: a token of ours for one of a trusted issuer, and nothing that a cache may keep', async () => {
    const answer = await plane.post({ ...FORM, subject_token: bench.token(), scope: 'runs:read runs:write' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const body = (await answer.json()) as { access_token: string };
    expect(body).toEqual({
      access_token: expect.any(String),
      issued_token_type: TOKEN_TYPES.accessToken,
      token_type: 'Bearer',
      expires_in: expect.any(Number),
      scope: 'runs:read runs:write',
    });
    expect((await bench.sessions.authenticate(body.access_token)).subject.principal).toBe(
      'service_account:local|trainer',
    );
  });

  test('TX-07: an exchange is recorded with whose session it was, a refused one with its reason', async () => {
    const { accessToken, sessionId } = await plane.call('', 'token.exchange', request(bench.token()));
    const narrow = request(accessToken, { subjectTokenType: TOKEN_TYPES.accessToken, scopes: ['runs:read'] });
    await plane.call('', 'token.exchange', narrow);
    await reasonOf(plane.call('', 'token.exchange', request(bench.token({ ref: 'x' }))));
    const rows = plane.recorded.filter(({ action }) => action === 'token.exchange').slice(-3);
    const whose = { principal: 'service_account:local|trainer', sessionId, decision: 'allow' };
    expect(rows).toMatchObject([whose, whose, { principal: '', decision: 'deny', reason: 'NO_TRUST_RULE' }]);
  });

  test.each<[string, Record<string, string>, number, string]>([
    ['no grant type', { grant_type: '' }, 400, 'invalid_request'],
    ['another grant', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['no subject token', { subject_token: '' }, 400, 'invalid_request'],
    ['an unknown type', { subject_token_type: 'x' }, 400, 'invalid_request'],
    ['TX-07: an actor token without its type', { actor_token: 'x' }, 400, 'invalid_request'],
    ['a bad subject token', { subject_token: 'x.y.z' }, 400, 'invalid_request'],
    ['an unknown audience', { audience: 'https://elsewhere.example' }, 400, 'invalid_target'],
    ['an unknown scope', { scope: 'everything' }, 400, 'invalid_scope'],
    ['a client that would authenticate', { client_secret: 'x' }, 401, 'invalid_client'],
  ])('RFC 6749 5.2: %s', async (_name, change, status, error) => {
    const answer = await plane.post({ ...FORM, subject_token: bench.token(), ...change });
    expect({ status: answer.status, ...((await answer.json()) as object) }).toMatchObject({ status, error });
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('a parameter twice, another kind of body, an Authorization header, another method', async () => {
    const twice: [string, string][] = [...Object.entries(FORM), ['subject_token', 'a'], ['subject_token', 'b']];
    expect(await (await plane.post(twice)).json()).toMatchObject({ error: 'invalid_request' });
    const json = { 'content-type': 'application/json' };
    expect(await (await plane.post(FORM, json)).json()).toMatchObject({ error: 'invalid_request' });
    const basic = await plane.post(FORM, { authorization: 'Basic eDp5' });
    expect([basic.status, basic.headers.has('www-authenticate')]).toEqual([401, true]);
    expect((await fetch(`http://127.0.0.1:${plane.port}/oauth/token`)).status).toBe(405);
  });

  test('no rule: says which claims there are', async () => {
    const refused = await plane.post({ ...FORM, subject_token: bench.token({ ref: 'refs/heads/"x"' }) });
    expect(await refused.json()).toMatchObject({
      error: 'invalid_request',
      error_description: expect.stringContaining('repository_id'),
    });
  });
});

describe('a service account', () => {
  const runner = { who: 'service-account:trainer', role: 'runner', object: `federation:${LAB}` };

  test('submits a run once it is runner, with the token of its job and with ours', async () => {
    const root = await logIn(bench);
    const principal = (await bench.sessions.authenticate(root.accessToken)).subject.principal;
    await plane.services.grants.grant({ principal, role: 'admin', object: 'system:fedctl', until: undefined });
    const job = bench.token();
    const bundle = Buffer.from('app one');
    expect(await reasonOf(plane.call(job, 'runs.start', { ...submit, bundle }))).toBe('NOT_PERMITTED');
    const { grant } = await plane.call(root.accessToken, 'access.grant', { ...runner, forSeconds: 0n });
    expect(grant).toMatchObject({ principal: 'service_account:local|trainer', who: 'service-account:trainer' });
    const first = await plane.call(job, 'runs.start', { ...submit, bundle });
    expect(first.run).toMatchObject({ owner: 'service_account:local|trainer', ownerHandle: 'trainer' });
    const { accessToken } = await bench.exchange.exchange(request(bench.token()), peer);
    const again = { ...submit, requestId: 'r-2', bundle: Buffer.from('app two') };
    const second = await plane.call(accessToken, 'runs.start', again);
    expect(second.run.ownerAccountId).toBe(first.run.ownerAccountId);
    const runId = second.run.id ?? 0n;
    expect((await plane.call(job, 'runs.get', { runId })).run.mine).toBe(true);
    await plane.call(job, 'runs.stop', { runId });
  });

  test('is called by its name, by its account name and by its principal', async () => {
    const root = await logIn(bench);
    const principal = (await bench.sessions.authenticate(root.accessToken)).subject.principal;
    await plane.services.grants.grant({ principal, role: 'admin', object: 'system:fedctl', until: undefined });
    await plane.call(root.accessToken, 'access.grant', { ...runner, forSeconds: 0n });
    await bench.exchange.exchange(request(bench.token()), peer);
    for (const who of ['trainer', 'service_account:local|trainer', 'service-account:trainer']) {
      const { grants } = await plane.call(root.accessToken, 'access.grants', { who, object: runner.object });
      expect(grants).toMatchObject([{ who: 'service-account:trainer', role: 'runner' }]);
    }
    const found = await plane.call(root.accessToken, 'access.whois', { query: 'trainer' });
    expect(found.accounts).toMatchObject([{ kind: 'service_account', principal: 'service_account:local|trainer' }]);
    expect(await plane.call(root.accessToken, 'access.revoke', runner)).toEqual({ unchanged: false });
  });
});

test('AT-17: a stream ends with the session of its token, and says so as of an expired token', async () => {
  const principal = 'service_account:local|trainer';
  await plane.services.grants.grant({ principal, role: 'runner', object: `federation:${LAB}`, until: undefined });
  const job = bench.token();
  const { run } = await plane.call(job, 'runs.start', {
    ...submit,
    requestId: 'r-3',
    bundle: Buffer.from('app three'),
  });
  const from = { offset: 0 };
  const messages = await plane.call(job, 'runs.logs', { runId: run.id ?? 0n, from, follow: true });
  bench.clock.advance(301_000);
  const drain = async () => {
    for await (const _ of messages);
  };
  expect(await reasonOf(drain())).toBe('TOKEN_EXPIRED');
  const next = await plane.call(bench.token(), 'runs.get', { runId: run.id ?? 0n });
  expect(next.run.mine).toBe(true);
});

describe('a narrowed token', () => {
  test('AT-14: does what it was narrowed to, whatever its account may', async () => {
    const login = await logIn(bench);
    const { accessToken } = await bench.exchange.exchange(
      request(login.accessToken, { subjectTokenType: TOKEN_TYPES.accessToken, scopes: ['runs:read'] }),
      peer,
    );
    expect(claimsOf(accessToken).scope).toBe('runs:read');
    const list = { idPrefix: '', limit: 0, cursor: '', federation: '', mine: true };
    expect((await plane.call(accessToken, 'runs.list', list)).runs).toEqual([]);
    const error = await plane
      .call(accessToken, 'runs.start', { ...submit, bundle: Buffer.from('x') })
      .catch((raised) => raised);
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'SCOPE_MISSING' });
    expect(error.message).toContain('runs:write');
    expect(await reasonOf(plane.call(accessToken, 'session.whoami', {}))).toBe('SCOPE_MISSING');
    expect(await reasonOf(plane.call(accessToken, 'token.provider', { minLife: 0 }))).toBe('SCOPE_MISSING');
  });
});

test('POST /oauth/token, while the issuer is down for more than a day: 503, to be tried again', async () => {
  bench.ci.on('/keys', () => ({ status: 500, json: {} }));
  bench.clock.advance(25 * 3600_000);
  const down = await plane.post({ ...FORM, subject_token: bench.token() });
  expect([down.status, down.headers.has('retry-after')]).toEqual([503, true]);
  expect(await down.json()).toMatchObject({ error: 'temporarily_unavailable' });
});
