import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { LoginPoll } from '../../../src/core/services.ts';
import { answerOf, backTo, type EvilIdp, evilMetadata, startEvilIdp } from '../../support/evil-idp.ts';
import { asked, type Bench, evilIssuer, ISSUER, openBench, peer, providerOf, reasonOf } from './setup.ts';

let idp: EvilIdp;
let bench: Bench;
const ended: (() => Promise<void>)[] = [];

/** A provider without a device grant: our page stands in front. */
function withoutDevice(): void {
  const { device_authorization_endpoint: _, ...metadata } = evilMetadata(idp.issuer);
  idp.on('/discovery', () => ({ json: metadata }));
}

beforeEach(async () => {
  idp = await startEvilIdp();
  withoutDevice();
  bench = await openBench(evilIssuer(idp));
});
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
  await bench.cleanup();
  await idp.stop();
});

/** Whoever opens the page. */
const person = { address: '198.51.100.7', userAgent: 'browser' };
const browserSecret = () => randomBytes(32).toString('base64url');

/** The page confirmed, and the person signed in at the provider; where that leads. */
async function confirmAndSignIn(userCode: string, browser: string): Promise<URL> {
  const { authorizationUrl } = await bench.pages.confirm(userCode, browser, person);
  return idp.signIn(authorizationUrl);
}

async function collect(polls: AsyncIterable<LoginPoll>): Promise<LoginPoll[]> {
  const all: LoginPoll[] = [];
  for await (const poll of polls) all.push(poll);
  return all;
}

describe('a login by the device page', () => {
  test('start, page, confirm, sign in, callback, and the waiting client has its tokens', async () => {
    const started = await bench.login.start({ ...asked, host: 'lab-7' }, peer);
    expect(started.userCode).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    expect(started).toMatchObject({
      verificationUri: `${ISSUER}/device`,
      verificationUriComplete: `${ISSUER}/device?code=${started.userCode}`,
      expiresIn: 600,
      authorizationUrl: '',
    });
    const polls = collect(bench.login.await(started.handle, AbortSignal.timeout(10_000)));
    const page = await bench.pages.page(started.userCode.toLowerCase().replace('-', ' '), person);
    expect(page).toMatchObject({
      userCode: started.userCode,
      provider: 'test',
      providerOrigin: idp.issuer,
      client: 'fedctl test',
      host: 'lab-7',
      address: peer.address,
    });
    const browser = browserSecret();
    const location = await confirmAndSignIn(started.userCode, browser);
    expect(`${location.origin}${location.pathname}`).toBe(`${ISSUER}/oidc/callback/test`);
    expect(await bench.pages.callback('test', answerOf(location), browser, person)).toEqual({
      account: 'alice',
      client: 'fedctl test',
    });
    const [first, last] = await polls;
    expect(first).toEqual({ state: 'pending', interval: 1 });
    if (last?.state !== 'approved') throw new Error('not approved');
    const { account, session } = await bench.sessions.authenticate(last.tokens.accessToken);
    expect(account).toMatchObject({ handle: 'alice', subject: 'alice' });
    expect(session).toMatchObject({ host: 'lab-7', address: peer.address, origin: 'test' });
    expect(backTo).toBeDefined();
    expect(providerOf).toBeDefined();
    expect(await reasonOf(bench.login.poll(started.handle))).toBe('LOGIN_EXPIRED');
  });
});
