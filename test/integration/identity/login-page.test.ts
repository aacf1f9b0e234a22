import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { redeemingStep } from '../../../src/server/identity/login-approval.ts';
import { sha256 } from '../../../src/server/identity/opaque.ts';
import { answerOf, backTo, type EvilIdp, html, startEvilIdp } from '../../support/evil-idp.ts';
import { until } from '../../support/until.ts';
import { browserSecret, logInByPage, person, signInByPage, tokensOf, withoutDevice } from './people.ts';
import { asked, type Bench, evilIssuer, ISSUER, openBench, peer, providerOf, reasonOf } from './setup.ts';

let idp: EvilIdp;
let bench: Bench;
const ended: (() => Promise<void>)[] = [];

beforeEach(async () => {
  idp = await startEvilIdp();
  withoutDevice(idp);
  bench = await openBench(evilIssuer(idp));
});
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
  await bench.cleanup();
  await idp.stop();
});

const kinds = () => bench.events.map(({ kind }) => kind);
const start = () => bench.login.start(asked, peer);

describe('a login by the device page', () => {
  test('start, page, confirm, sign in, callback: the client has its tokens', async () => {
    const started = await bench.login.start({ ...asked, host: 'lab-7' }, peer);
    expect(started.userCode).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    expect(started).toMatchObject({
      verificationUri: `${ISSUER}/device`,
      verificationUriComplete: `${ISSUER}/device?code=${started.userCode}`,
      expiresIn: 600,
      authorizationUrl: '',
    });
    expect(await bench.login.poll(started.handle)).toEqual({ state: 'pending', interval: 1 });
    const page = await bench.pages.page(started.userCode.toLowerCase().replace('-', ' '), person);
    expect(page).toMatchObject({ userCode: started.userCode, provider: 'test' });
    expect(page).toMatchObject({ client: 'fedctl test', host: 'lab-7', address: peer.address });
    const browser = browserSecret();
    const { authorizationUrl } = await bench.pages.confirm(started.userCode, browser, person);
    const location = await idp.signIn(authorizationUrl);
    expect(`${location.origin}${location.pathname}`).toBe(`${ISSUER}/oidc/callback/test`);
    const done = await bench.pages.callback('test', answerOf(location), browser, person);
    expect(done).toEqual({ account: 'alice', client: 'fedctl test' });
    const tokens = tokensOf(await bench.login.poll(started.handle));
    const { account, session } = await bench.sessions.authenticate(tokens.accessToken);
    expect(account).toMatchObject({ handle: 'alice', subject: 'alice' });
    expect(session).toMatchObject({ host: 'lab-7', address: peer.address, origin: 'test' });
    expect(await reasonOf(bench.login.poll(started.handle))).toBe('LOGIN_EXPIRED');
  });

  test('T-01: the audit trail names both sides: who asked, and who confirmed', async () => {
    await logInByPage(bench, idp);
    const sides = { address: person.address, requester: peer.address };
    expect(bench.events).toMatchObject([
      { kind: 'login-confirmed', ...sides },
      { kind: 'login-approved', ...sides, principal: 'user:test|alice' },
      { kind: 'session-opened', address: peer.address },
    ]);
  });

  test('T-02: of many who poll with one handle at once, in two processes, one gets tokens', async () => {
    const { handle, answer, browser } = await signInByPage(bench, idp);
    await bench.pages.callback('test', answer, browser, person);
    const other = await bench.replica();
    ended.push(() => other.cleanup());
    const polls = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => (i % 2 ? bench : other).login.poll(handle)),
    );
    expect(polls.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(kinds().filter((kind) => kind === 'session-opened').length).toBeLessThanOrEqual(1);
  });

  test('a server that is gone while it redeems the code: the client is told after 30 s', async () => {
    const { handle, answer } = await signInByPage(bench, idp);
    const flow = await bench.store.loginByState(sha256(answer.state));
    if (!flow) throw new Error('no flow');
    // As the server leaves it that dies right after.
    expect(await bench.store.advanceLogin(flow, redeemingStep(bench.clock))).toBe(true);
    bench.clock.advance(29_000);
    expect((await bench.login.poll(handle)).state).toBe('pending');
    bench.clock.advance(1001);
    const polls = (async () => {
      for await (const poll of bench.login.await(handle, new AbortController().signal))
        expect(poll.state).toBe('pending');
    })();
    await expect(polls).rejects.toMatchObject({ reason: 'LOGIN_FAILED', hint: 'Start again: fedctl login' });
    expect(await reasonOf(bench.login.poll(handle))).toBe('LOGIN_EXPIRED');
  });

  test('denied on the page', async () => {
    const { userCode, handle } = await start();
    await bench.pages.deny(userCode, person);
    expect(await reasonOf(bench.login.poll(handle))).toBe('LOGIN_DENIED');
    expect(bench.events).toMatchObject([{ kind: 'login-denied', address: person.address, requester: peer.address }]);
    expect(await reasonOf(bench.pages.page(userCode, person))).toBe('LOGIN_UNKNOWN');
    expect(await reasonOf(bench.login.poll(handle))).toBe('LOGIN_EXPIRED');
  });

  test('denied while somebody else is faster: nobody is told that it was their doing', async () => {
    const { userCode } = await start();
    const outcomes = await Promise.all([1, 2, 3].map(() => reasonOf(bench.pages.deny(userCode, person))));
    expect(outcomes.sort()).toEqual(['LOGIN_UNKNOWN', 'LOGIN_UNKNOWN', 'no error']);
    expect(kinds().filter((kind) => kind === 'login-denied')).toHaveLength(1);
  });

  test.each([
    ['access_denied', 'LOGIN_DENIED'],
    ['temporarily_unavailable', 'IDENTITY_PROVIDER_UNAVAILABLE'],
    ['invalid_scope', 'IDENTITY_PROVIDER_REFUSED'],
    ['RI-02: invalid_target', 'IDENTITY_PROVIDER_REFUSED'],
    ['interaction_required', 'LOGIN_ANSWER_REFUSED'],
    ['\u001b[2J<script>', 'LOGIN_ANSWER_REFUSED'],
  ])('the provider answers %j: the page and the client are told %s', async (error, reason) => {
    const named = error.replace('RI-02: ', '');
    idp.on('/authorize', ({ query }) => backTo(query, { error: named, iss: idp.issuer }));
    const { handle, answer, browser } = await signInByPage(bench, idp);
    expect(await reasonOf(bench.pages.callback('test', answer, browser, person))).toBe(reason);
    expect(await reasonOf(bench.login.poll(handle))).toBe(reason);
    expect(idp.count('/token')).toBe(0);
  });

  test('F-05, F-04: a provider that fails at the code ends the login; the client is told', async () => {
    for (const [answers, reason] of [
      [html(503), 'IDENTITY_PROVIDER_UNAVAILABLE'],
      [{ status: 400, json: { error: 'invalid_grant' } }, 'LOGIN_ANSWER_REFUSED'],
      [{ status: 401, json: { error: 'invalid_client' } }, 'IDENTITY_PROVIDER_REFUSED'],
      [{ json: { access_token: 'opaque', token_type: 'Bearer' } }, 'IDENTITY_PROVIDER_UNAVAILABLE'],
    ] as const) {
      idp.on('/token', () => answers);
      const { handle, answer, browser } = await signInByPage(bench, idp);
      expect(await reasonOf(bench.pages.callback('test', answer, browser, person))).toBe(reason);
      expect(await reasonOf(bench.login.poll(handle))).toBe(reason);
    }
    expect(kinds()).not.toContain('session-opened');
  });

  test('it can be confirmed again by the same browser, and by no other', async () => {
    const { userCode, handle } = await start();
    const browser = browserSecret();
    const first = await bench.pages.confirm(userCode, browser, person);
    expect(await reasonOf(bench.pages.confirm(userCode, browserSecret(), person))).toBe('LOGIN_UNKNOWN');
    const second = await bench.pages.confirm(userCode, browser, person);
    const [old, latest] = [await idp.signIn(first.authorizationUrl), await idp.signIn(second.authorizationUrl)];
    const callback = (location: URL) => bench.pages.callback('test', answerOf(location), browser, person);
    expect(await reasonOf(callback(old))).toBe('LOGIN_ANSWER_REFUSED');
    expect(await reasonOf(callback(latest))).toBe('no error');
    expect((await bench.login.poll(handle)).state).toBe('approved');
  });

  test('it ends with its lifetime; who was approved at the last moment may still fetch', async () => {
    const late = await start();
    const { handle, answer, browser, userCode } = await signInByPage(bench, idp);
    bench.clock.advance(599_000);
    await bench.pages.callback('test', answer, browser, person);
    bench.clock.advance(30_000);
    expect((await bench.login.poll(handle)).state).toBe('approved');
    expect(await reasonOf(bench.pages.page(late.userCode, person))).toBe('LOGIN_UNKNOWN');
    expect(await reasonOf(bench.pages.page(userCode, person))).toBe('LOGIN_UNKNOWN');
    expect(await reasonOf(bench.login.poll(late.handle))).toBe('LOGIN_EXPIRED');
  });

  test('who was approved and never came back: the provider is told, once', async () => {
    const { handle, answer, browser } = await signInByPage(bench, idp);
    await bench.pages.callback('test', answer, browser, person);
    bench.clock.advance(600_000);
    const other = await bench.replica();
    ended.push(() => other.cleanup());
    await Promise.all([bench.service.start(), other.service.start()]);
    const revoked = () => idp.requests.filter(({ path }) => path === '/revoke').map(({ form }) => form.get('token'));
    await until(() => revoked().length > 0);
    expect(revoked()).toEqual(['rt-1']);
    expect(await reasonOf(bench.login.poll(handle))).toBe('LOGIN_EXPIRED');
  });

  test('a confirmation that can not be audited sends nobody to the provider', async () => {
    const strict = await bench.replica({
      onEvent: () => {
        throw new Error('no audit');
      },
    });
    ended.push(() => strict.cleanup());
    const { userCode } = await start();
    await expect(strict.pages.confirm(userCode, browserSecret(), person)).rejects.toThrow('no audit');
  });
});

describe('which flow a login takes', () => {
  const open = async (change: object, device: boolean) => {
    withoutDevice(idp, device ? { device_authorization_endpoint: `${idp.issuer}/device` } : {});
    const one = await openBench(evilIssuer(idp), { providers: [{ ...providerOf(evilIssuer(idp)), ...change }] });
    ended.push(() => one.cleanup());
    return one;
  };
  test.each([
    [undefined, true, `/verify`],
    [undefined, false, `${ISSUER}/device`],
    ['always', true, `${ISSUER}/device`],
    ['never', true, `/verify`],
    ['never', false, 'GRANT_NOT_OFFERED'],
  ] as const)('page %p with a device grant at the provider %p: %s', async (page, device, expected) => {
    const one = await open({ page }, device);
    const started = await one.login.start(asked, peer).catch((error) => ({ verificationUri: error.reason }));
    expect(started.verificationUri).toContain(expected);
  });

  test('providers are listed with what they offer; one that is away with what most do', async () => {
    const named = await open({ page: 'never', name: 'Company login', allowPassword: true }, false);
    const listed = { alias: 'test', name: 'Company login', issuer: idp.issuer };
    expect(await named.login.providers()).toEqual([{ ...listed, grants: ['code', 'password'] }]);
    idp.on('/discovery', () => html(503));
    const away = await openBench(evilIssuer(idp));
    ended.push(() => away.cleanup());
    expect(await away.login.providers()).toMatchObject([{ name: 'test', grants: ['device_code', 'code'] }]);
  });

  test('F-04: a provider that does not answer holds up the list for a moment only', async () => {
    idp.on('/discovery', () => ({ raw: () => undefined }));
    const mute = await openBench(evilIssuer(idp));
    ended.push(() => mute.cleanup());
    const began = performance.now();
    expect(await mute.login.providers()).toMatchObject([{ name: 'test', grants: ['device_code', 'code'] }]);
    expect(performance.now() - began).toBeLessThan(3000);
  });
});

describe('user codes', () => {
  const wrong = (address: string) => bench.pages.page('BBBB-BBBB', { ...person, address });

  test('RFC 8628 5.1: guesses are limited; a right one costs nothing', async () => {
    const { userCode } = await start();
    for (let i = 0; i < 30; i += 1) await bench.pages.page(userCode, person);
    for (let i = 0; i < 10; i += 1) expect(await reasonOf(wrong(person.address))).toBe('LOGIN_UNKNOWN');
    const error = await wrong(person.address).catch((caught) => caught);
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'TOO_MANY_ATTEMPTS' });
    expect(Math.abs(error.retryAfterMs - 6000)).toBeLessThan(1000);
    expect(await reasonOf(bench.pages.confirm(userCode, browserSecret(), person))).toBe('TOO_MANY_ATTEMPTS');
    expect(await reasonOf(bench.pages.deny(userCode, person))).toBe('TOO_MANY_ATTEMPTS');
    bench.clock.advance(60_000);
    expect(await reasonOf(bench.pages.page(userCode, person))).toBe('no error');
  });

  test('what can be no code is told so and costs nothing', async () => {
    for (const text of ['', 'AAAA-AAAA', 'BBBB', 'B'.repeat(10_000), '%00', 'ＢＢＢＢBBBB'])
      for (let i = 0; i < 5; i += 1) expect(await reasonOf(bench.pages.page(text, person))).toBe('LOGIN_UNKNOWN');
  });
});
