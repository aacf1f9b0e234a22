import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/core/log.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { TokenPair } from '../../../src/core/services.ts';
import { approveLogin } from '../../../src/dev/approve.ts';
import { type Browser, openBrowser, type Page } from '../../../src/dev/browser.ts';
import { type DevIdp, startIdp } from '../../../src/dev/idp.ts';
import { findFreeBase } from '../../../src/dev/ports.ts';
import { type PageCall, portalRoutes } from '../../../src/server/portal/index.ts';
import { type Certificates, createCertificates } from '../../../src/server/transport/certificates.ts';
import { createHttps, type Https } from '../../../src/server/transport/https.ts';
import { selfSigned, writePair } from '../../support/certificates.ts';
import { testLimits } from '../../support/echo-server.ts';
import { asked, type Bench, openBench, peer, reasonOf } from '../identity/setup.ts';

let folder: string;
let ca: string;
let origin: string;
let idp: DevIdp;
let bench: Bench;
let certificates: Certificates;
let https: Https;

/** The methods behind the pages, without a pipeline before them. */
const METHODS: Readonly<Record<string, (input: never) => Promise<unknown>>> = {
  'login.page': ({ userCode }: { userCode: string }) => bench.pages.page(userCode, peer),
  'login.confirm': ({ userCode, browser }: { userCode: string; browser: string }) =>
    bench.pages.confirm(userCode, browser, peer),
  'login.deny': ({ userCode }: { userCode: string }) => bench.pages.deny(userCode, peer),
  'login.callback': ({ provider, answer, browser }: { provider: string; answer: never; browser: string }) =>
    bench.pages.callback(provider, answer, browser, peer),
  'session.provider-logout': ({ provider, logoutToken }: { provider: string; logoutToken: string }) =>
    bench.providerLogout.backChannel(provider, logoutToken, peer),
  'session.logged-out': ({ state }: { state: string }) => bench.providerLogout.ended(state),
};
const call: PageCall = (method, input) => ({
  requestId: 'ref',
  result: METHODS[method]?.(input as never) as never,
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fedctl-portal-'));
  const pair = await selfSigned();
  const files = await writePair(folder, pair);
  ca = pair.cert;
  certificates = await createCertificates({ ...files, log: silentLogger });
  const port = await findFreeBase();
  origin = `https://127.0.0.1:${port}`;
  const controlPlane = { origin, ca: files.certFile };
  idp = await startIdp({ folder, port: port + 1, now: Date.now, controlPlane });
  const provider = {
    alias: 'dev',
    issuer: idp.issuer,
    clientId: idp.clientId,
    clientSecret: new Secret(idp.clientSecret),
    allowInsecure: true,
    page: 'always',
  } as const;
  bench = await openBench(
    { issuer: idp.issuer, client: { id: '', secret: '' } },
    { issuerUrl: origin, providers: [provider] },
  );
  const routes = portalRoutes({ call, publicUrl: origin, clock: bench.clock });
  https = createHttps({ certificates, host: '127.0.0.1', port, routes, limits: testLimits(), log: silentLogger });
  await https.listen();
});
afterAll(async () => {
  await https.close();
  await idp.stop();
  await bench.cleanup();
  certificates.close();
  await rm(folder, { recursive: true, force: true });
});

const accountOf = (name: string) => {
  const account = idp.accounts.find((one) => one.name === name);
  if (!account) throw new Error(`no account ${name}`);
  return account;
};

/** A login of `name`, over the pages in `browser`. */
async function logIn(name: string, browser: Browser): Promise<TokenPair> {
  const { verificationUriComplete: url = '', handle } = await bench.login.start(asked, peer);
  expect(url).toMatch(new RegExp(`^${origin}/device\\?code=[A-Z0-9]{4}-[A-Z0-9]{4}$`));
  await approveLogin({ url, account: accountOf(name), browser });
  const poll = await bench.login.poll(handle);
  if (poll.state !== 'approved') throw new Error(poll.state);
  return poll.tokens;
}

/** Presses the form's button until there is none. */
async function press(browser: Browser, start: Page, values: Readonly<Record<string, string>>): Promise<Page> {
  const form = start.forms[0];
  return form ? browser.submit(form, values) : start;
}

describe('over real TLS, before a real identity provider', () => {
  test('a login goes from the device page over the provider to the end', async () => {
    const { accessToken } = await logIn('alice', openBrowser({ ca }));
    const { account, session } = await bench.sessions.authenticate(accessToken);
    expect(account).toMatchObject({ handle: 'alice', issuerAlias: 'dev' });
    expect(session.providerSid).not.toBe('');
    expect(session.sealedProviderToken).toBeDefined();
  });

  test('refused: nobody is logged in', async () => {
    const { verificationUriComplete: url = '', handle } = await bench.login.start(asked, peer);
    await approveLogin({ url, account: accountOf('bob'), browser: openBrowser({ ca }), refuse: true });
    expect(await reasonOf(bench.login.poll(handle))).toBe('LOGIN_DENIED');
  });

  test('LO-01, LO-03: a logout at the provider ends the session here', async () => {
    const browser = openBrowser({ ca });
    const { accessToken } = await logIn('carol', browser);
    const other = await logIn('carol', openBrowser({ ca }));
    const page = await browser.open(`${idp.issuer}/session/end`);
    await press(browser, page, { logout: 'yes' });
    expect(await reasonOf(bench.sessions.authenticate(accessToken))).toBe('SESSION_ENDED');
    expect(await reasonOf(bench.sessions.authenticate(other.accessToken))).toBe('no error');
  });

  test('LO-04: the provider’s logout page leads back to ours', async () => {
    const browser = openBrowser({ ca });
    const { sessionId } = await logIn('bob', browser);
    const session = await bench.store.sessionById(sessionId);
    if (!session) throw new Error('no session');
    const page = await browser.open(await bench.providerLogout.endSessionUrl(session));
    const end = await press(browser, page, { logout: 'yes' });
    expect(end.url.href).toMatch(new RegExp(`^${origin}/logout/done\\?state=`));
    expect(end.html).toContain('You are logged out');
    expect((await browser.open(end.url)).status).toBe(400);
  });
});
