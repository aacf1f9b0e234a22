import { randomBytes } from 'node:crypto';
import type { LoginPoll, TokenPair } from '../../../src/core/services.ts';
import { answerOf, type EvilIdp, evilMetadata } from '../../support/evil-idp.ts';
import { asked, type Bench, peer } from './setup.ts';

/** Whoever opens the page: not where the login was asked for. */
export const person = { address: '198.51.100.7', userAgent: 'browser' };

/** As the page's cookie holds it. */
export const browserSecret = (): string => randomBytes(32).toString('base64url');

/** A provider without a device grant; `change` overwrites its metadata, undefined takes out. */
export function withoutDevice(idp: EvilIdp, change: Record<string, unknown> = {}): void {
  const metadata = { ...evilMetadata(idp.issuer), device_authorization_endpoint: undefined, ...change };
  idp.on('/discovery', () => ({ json: metadata }));
}

/** A login by the page, up to where the provider sends the browser. */
export async function signInByPage(bench: Bench, idp: EvilIdp, request = asked) {
  const started = await bench.login.start(request, peer);
  const browser = browserSecret();
  const { authorizationUrl } = await bench.pages.confirm(started.userCode, browser, person);
  const location = await idp.signIn(authorizationUrl);
  return { ...started, browser, authorizationUrl, location, answer: answerOf(location) };
}

/** A whole login by the page. */
export async function logInByPage(bench: Bench, idp: EvilIdp, request = asked): Promise<TokenPair> {
  const { handle, answer, browser } = await signInByPage(bench, idp, request);
  await bench.pages.callback('test', answer, browser, person);
  return tokensOf(await bench.login.poll(handle));
}

export function tokensOf(poll: LoginPoll | undefined): TokenPair {
  if (poll?.state !== 'approved') throw new Error(`not approved: ${poll?.state}`);
  return poll.tokens;
}
