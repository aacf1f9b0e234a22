import { afterEach, describe, expect, test } from '@jest/globals';
import { Secret } from '../../../src/core/secret.ts';
import { answerOf } from '../../support/evil-idp.ts';
import {
  approveByForms,
  signInByForms,
  startTestIdp,
  TEST_CLIENT,
  type TestIdp,
  type TestIdpOptions,
} from '../../support/idp.ts';
import { collect } from '../../support/until.ts';
import { browserSecret, person, tokensOf } from './people.ts';
import { asked, type Bench, openBench, peer, reasonOf } from './setup.ts';

/** The page and the code grant against npm oidc-provider, which checks PKCE, redirect URIs and codes itself. */
const ended: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function open(options: TestIdpOptions = {}, provider: object = {}): Promise<{ idp: TestIdp; bench: Bench }> {
  const idp = await startTestIdp(options);
  ended.push(() => idp.stop());
  const base = { alias: 'real', issuer: idp.issuer, clientId: TEST_CLIENT.id, allowInsecure: true };
  const secret = { clientSecret: new Secret(TEST_CLIENT.secret) };
  const bench = await openBench(
    { issuer: idp.issuer, client: TEST_CLIENT },
    { providers: [{ ...base, ...secret, ...provider }] },
  );
  ended.push(() => bench.cleanup());
  return { idp, bench };
}

async function logInByPage(bench: Bench, request = asked, account = 'alice') {
  const { handle, userCode } = await bench.login.start(request, peer);
  const waiting = collect(bench.login.await(handle, AbortSignal.timeout(20_000)));
  const browser = browserSecret();
  const { authorizationUrl } = await bench.pages.confirm(userCode, browser, person);
  const location = await signInByForms(authorizationUrl, account);
  await bench.pages.callback('real', answerOf(location), browser, person);
  return tokensOf((await waiting).at(-1));
}

describe('the device page before a real provider', () => {
  test('without a device grant: signed in on its pages, pushed to the client, renewed with rotation, logged out', async () => {
    const { idp, bench } = await open({ deviceGrant: false });
    let pair = await logInByPage(bench);
    for (let round = 0; round < 3; round += 1) {
      bench.clock.advance(600_000);
      pair = await bench.sessions.renew(pair.refreshToken);
    }
    const { session, account } = await bench.sessions.authenticate(pair.accessToken);
    expect(account).toMatchObject({ subject: 'alice', handle: 'alice', displayName: 'alice of Test' });
    expect(session.origin).toBe('real');
    const idToken = bench.vault.open(session.sealedIdToken ?? '', 'id-token', session.id);
    expect(JSON.parse(atob(idToken.split('.')[1] ?? ''))).toMatchObject({ sub: 'alice', iss: idp.issuer });
    expect(await bench.sessions.end(session, 'logout')).toBe(true);
    expect(idp.requests.filter((request) => request === 'POST /token/revocation 200')).toHaveLength(1);
  });

  test('page = "always": in front of a provider that has the device grant', async () => {
    const { idp, bench } = await open({}, { page: 'always' });
    expect((await logInByPage(bench, asked, 'bob')).accountHandle).toBe('bob');
    expect(idp.requests.some((request) => request.includes('/device'))).toBe(false);
  });

  test('refused on its pages', async () => {
    const { bench } = await open({ deviceGrant: false });
    const { handle, userCode } = await bench.login.start(asked, peer);
    const browser = browserSecret();
    const { authorizationUrl } = await bench.pages.confirm(userCode, browser, person);
    const location = await signInByForms(authorizationUrl, 'alice', { deny: true });
    expect(await reasonOf(bench.pages.callback('real', answerOf(location), browser, person))).toBe('LOGIN_DENIED');
    expect(await reasonOf(bench.login.poll(handle))).toBe('LOGIN_DENIED');
  });

  test('BC-03: the provider itself redeems a code once', async () => {
    const { idp, bench } = await open({ deviceGrant: false });
    await logInByPage(bench);
    expect(idp.requests.filter((request) => request === 'POST /token 200')).toHaveLength(1);
  });

  test('ID-05: max_age and prompt make it ask, and it says when', async () => {
    const { bench } = await open({ deviceGrant: false });
    const pair = await logInByPage(bench, { ...asked, maxAge: 0, prompt: 'login' });
    const { session } = await bench.sessions.authenticate(pair.accessToken);
    expect(Math.abs(session.authTime - bench.clock.now())).toBeLessThan(60_000);
  });

  test('ID-05: also of the device grant', async () => {
    const { bench } = await open();
    const started = await bench.login.start({ ...asked, maxAge: 100 }, peer);
    await approveByForms(started.verificationUriComplete ?? '', 'alice');
    bench.clock.advance(5000);
    tokensOf(await bench.login.poll(started.handle));
  });

  test('groups and names of its userinfo endpoint', async () => {
    const { bench } = await open(
      { deviceGrant: false, claimsInUserinfo: true, groups: () => ['ward'] },
      { groupsClaim: 'groups' },
    );
    const pair = await logInByPage(bench, asked, 'bob');
    expect(pair.accountHandle).toBe('bob');
    expect((await bench.sessions.authenticate(pair.accessToken)).subject.groups).toEqual(['ward']);
  });
});

describe('the code grant at the client', () => {
  test.each(['http://127.0.0.1:31111/oauth/callback', 'http://127.0.0.1:49152/oauth/callback'])(
    '%s',
    async (redirectUri) => {
      const { bench } = await open({ deviceGrant: false });
      const { handle, authorizationUrl } = await bench.login.start({ ...asked, grant: 'code', redirectUri }, peer);
      const location = await signInByForms(authorizationUrl, 'alice');
      expect(location.href.startsWith(redirectUri)).toBe(true);
      const pair = await bench.login.finish(handle, answerOf(location));
      expect(pair.accountHandle).toBe('alice');
      expect(await reasonOf(bench.sessions.renew(pair.refreshToken))).toBe('no error');
    },
  );

  test('the code of another login (PKCE)', async () => {
    const { bench } = await open({ deviceGrant: false });
    const redirectUri = 'http://127.0.0.1:31111/oauth/callback';
    const [mine, theirs] = await Promise.all(
      [1, 2].map(() => bench.login.start({ ...asked, grant: 'code', redirectUri }, peer)),
    );
    const stolen = answerOf(await signInByForms(theirs?.authorizationUrl ?? '', 'bob'));
    const own = answerOf(await signInByForms(mine?.authorizationUrl ?? '', 'alice'));
    const swapped = { ...own, code: stolen.code };
    expect(await reasonOf(bench.login.finish(mine?.handle ?? '', swapped))).toBe('LOGIN_ANSWER_REFUSED');
  });
});
