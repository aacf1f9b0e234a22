import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Secret } from '../../../src/core/secret.ts';
import { selfSigned, writePair } from '../../support/certificates.ts';
import { approveByForms, startTestIdp, TEST_CLIENT, type TestIdp, type TestIdpOptions } from '../../support/idp.ts';
import { asked, type Bench, openBench, peer, reasonOf } from './setup.ts';

/** Everything here runs against npm oidc-provider. */
const ended: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function open(options: TestIdpOptions = {}, provider: object = {}): Promise<{ idp: TestIdp; bench: Bench }> {
  const idp = await startTestIdp(options);
  ended.push(() => idp.stop());
  const base = { alias: 'real', issuer: idp.issuer, clientId: TEST_CLIENT.id, allowInsecure: true };
  const secret = { clientSecret: new Secret(TEST_CLIENT.secret) };
  const issuer = { issuer: idp.issuer, client: TEST_CLIENT };
  const bench = await openBench(issuer, { providers: [{ ...base, ...secret, ...provider }] });
  ended.push(() => bench.cleanup());
  return { idp, bench };
}

async function logIn({ idp, bench }: { idp: TestIdp; bench: Bench }, account = 'alice') {
  const started = await bench.login.start(asked, peer);
  await idp.approveDirect(started.userCode, account);
  bench.clock.advance(5000);
  const poll = await bench.login.poll(started.handle);
  if (poll.state !== 'approved') throw new Error(poll.state);
  return poll.tokens;
}

const refreshesAt = (idp: TestIdp) =>
  idp.requests.filter((request) => request.startsWith('POST /token 200')).length - 1;

describe('a real provider', () => {
  test('pending, approved on its pages, renewed with rotation, logged out', async () => {
    const { idp, bench } = await open();
    const started = await bench.login.start(asked, peer);
    expect(started).toMatchObject({ interval: 5, issuerAlias: 'real' });
    bench.clock.advance(5000);
    expect(await bench.login.poll(started.handle)).toEqual({ state: 'pending', interval: 5 });
    const page = await approveByForms(started.verificationUriComplete ?? '', 'alice');
    expect(page.html).toContain('Sign-in Success');
    bench.clock.advance(5000);
    const poll = await bench.login.poll(started.handle);
    if (poll.state !== 'approved') throw new Error(poll.state);
    let pair = poll.tokens;
    for (let round = 0; round < 4; round += 1) {
      bench.clock.advance(600_000);
      pair = await bench.sessions.renew(pair.refreshToken);
    }
    expect(refreshesAt(idp)).toBe(4);
    const { session, account } = await bench.sessions.authenticate(pair.accessToken);
    expect(account).toMatchObject({ subject: 'alice', handle: 'alice', displayName: 'alice of Test' });
    expect(await bench.sessions.end(session, 'logout')).toBe(true);
    expect(idp.requests.filter((request) => request === 'POST /token/revocation 200')).toHaveLength(1);
  });

  test('denied on its pages', async () => {
    const { bench } = await open();
    const started = await bench.login.start(asked, peer);
    await approveByForms(started.verificationUriComplete ?? '', 'alice', { deny: true });
    bench.clock.advance(5000);
    expect(await reasonOf(bench.login.poll(started.handle))).toBe('LOGIN_DENIED');
    expect(bench.events.map((event) => event.kind)).toEqual(['login-denied']);
  });

  test('RT-02: 50 renewals at once, over two servers, are one; the grant lives on', async () => {
    const { idp, bench } = await open();
    const pair = await logIn({ idp, bench });
    const other = await bench.replica();
    ended.push(() => other.cleanup());
    bench.clock.advance(600_000);
    const pairs = await Promise.all(
      Array.from({ length: 50 }, (_, i) => (i % 2 ? other : bench).sessions.renew(pair.refreshToken)),
    );
    expect(refreshesAt(idp)).toBe(1);
    const [latest] = pairs;
    expect(await reasonOf(bench.sessions.renew(latest?.refreshToken ?? ''))).toBe('no error');
  });

  test('F-06: a grant revoked at the provider ends the session', async () => {
    const { idp, bench } = await open();
    const pair = await logIn({ idp, bench });
    const held = await bench.store.sessionById(pair.sessionId);
    const token = bench.vault.open(held?.sealedProviderToken ?? '', 'provider-token', pair.sessionId);
    await (await idp.provider.RefreshToken.find(token))?.destroy();
    expect(await reasonOf(bench.sessions.renew(pair.refreshToken))).toBe('SESSION_ENDED');
    expect(bench.events.map((event) => event.kind)).toContain('ended-by-provider');
  });

  test('F-03: a provider that is gone deletes nothing', async () => {
    const { idp, bench } = await open();
    const pair = await logIn({ idp, bench });
    await idp.stop();
    expect(await reasonOf(bench.sessions.renew(pair.refreshToken))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    expect((await bench.sessions.authenticate(pair.accessToken)).account.handle).toBe('alice');
    expect(await reasonOf(bench.probe())).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
  });

  test('a wrong client secret is an operator error', async () => {
    const { bench } = await open({}, { clientSecret: new Secret('wrong') });
    expect(await reasonOf(bench.login.start(asked, peer))).toBe('IDENTITY_PROVIDER_REFUSED');
  });

  test('groups come from the configured claim, are renewed, and stay out without it', async () => {
    let groups = ['ward-a'];
    const { idp, bench } = await open({ groups: () => groups }, { groupsClaim: 'groups' });
    const pair = await logIn({ idp, bench });
    const first = await bench.sessions.authenticate(pair.accessToken);
    expect(first.subject).toMatchObject({ principal: 'user:real|alice', groups: ['ward-a'] });
    groups = ['ward-b'];
    const renewed = await bench.sessions.renew(pair.refreshToken);
    expect((await bench.sessions.authenticate(renewed.accessToken)).subject.groups).toEqual(['ward-b']);
    const without = await open({ groups: () => groups });
    const plain = await logIn(without);
    expect((await without.bench.sessions.authenticate(plain.accessToken)).subject.groups).toEqual([]);
  });

  test('ID-06: names that only the userinfo endpoint has are asked for there', async () => {
    const setup = await open({ claimsInUserinfo: true });
    const pair = await logIn(setup, 'bob');
    expect(pair.accountHandle).toBe('bob');
    expect(setup.idp.requests).toContain('GET /me 200');
  });

  test('TLS with a private CA: trusted through its file, refused without', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fedctl-idp-'));
    ended.push(() => rm(folder, { recursive: true }));
    const tls = await selfSigned();
    const { certFile } = await writePair(folder, tls);
    const trusting = await open({ tls }, { caFile: certFile, allowInsecure: false });
    expect((await logIn(trusting)).accountHandle).toBe('alice');
    const { bench } = await open({ tls }, { allowInsecure: false });
    expect(await reasonOf(bench.login.start(asked, peer))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
  });
});
