import type { AuthorizationAnswer, LoginPages, Peer } from '../../core/services.ts';
import type { LoginFlow } from '../../core/sessions.ts';
import { answerRefused, loginDenied, loginUnknown, requestInvalid, tooManyAttempts } from './failures.ts';
import { approve, fail, redeemFor, redeemingStep } from './login-approval.ts';
import { giveBack, NOBODY } from './login-device.ts';
import { createGuessPace } from './login-limits.ts';
import type { LoginOptions } from './login-options.ts';
import { requestOf, seal } from './login-start.ts';
import { sha256 } from './opaque.ts';
import { parseUserCode, showUserCode } from './user-codes.ts';

export function createLoginPages(options: LoginOptions): LoginPages {
  const { logins, providers, clock, publicUrl, onEvent } = options;
  const guesses = createGuessPace(clock);

  /** The flow of a code that somebody shows, while it can still be answered. */
  async function find(text: string, peer: Peer) {
    const code = parseUserCode(text);
    if (code === undefined) throw loginUnknown();
    const wait = guesses.take(peer.address);
    if (wait > 0) throw tooManyAttempts(wait);
    const flow = await logins.loginByUserCode(code);
    const provider = flow && providers.get(flow.issuerAlias);
    const isOpen = flow?.state === 'pending' || flow?.state === 'confirmed';
    if (!flow || !provider || !isOpen || clock.now() >= flow.expiresAt) throw loginUnknown();
    guesses.giveBack(peer.address);
    return { flow, provider };
  }

  return {
    async page(userCode, peer) {
      const { flow, provider } = await find(userCode, peer);
      const { client, host, address, startedAt, expiresAt } = flow;
      const shown = showUserCode(flow.userCode ?? '');
      return { userCode: shown, provider: provider.name, client, host, address, startedAt, expiresAt };
    },

    async confirm(userCode, browser, peer) {
      if (!isBrowserSecret(browser)) throw requestInvalid('The browser has to keep a cookie.');
      const { flow, provider } = await find(userCode, peer);
      const browserHash = sha256(browser);
      // Who has confirmed may go back and do so again; nobody else can take over.
      if (flow.state === 'confirmed' && flow.browserHash !== browserHash) throw loginUnknown();
      const { asked } = requestOf(flow, options);
      const redirectUri = `${publicUrl}/oidc/callback/${provider.alias}`;
      const { url, authorization } = await provider.authorize(asked, redirectUri);
      const confirmed = await logins.advanceLogin(flow, {
        state: 'confirmed',
        browserHash,
        stateHash: sha256(authorization.state),
        sealedRequest: seal({ asked, authorization }, flow.handleHash, options),
      });
      if (!confirmed) throw loginUnknown();
      // Both sides of a login that somebody was talked into stand in one row (security.md T-01).
      const sides = { address: peer.address, requester: flow.address };
      await onEvent({ kind: 'login-confirmed', at: clock.now(), ...NOBODY, ...sides });
      return { authorizationUrl: url };
    },

    async deny(userCode, peer) {
      const { flow } = await find(userCode, peer);
      // Who refuses is not told that nobody was logged in where somebody was faster.
      if (!(await fail(flow, loginDenied(), { options, by: peer.address }))) throw loginUnknown();
    },

    async callback(alias, answer, browser, peer) {
      const flow = await claim(alias, answer, browser, options);
      const acting = { options, by: peer.address };
      const tokens = await redeemFor(flow, answer, acting);
      try {
        const { handle } = await approve(flow, tokens, acting);
        return { account: handle, client: flow.client };
      } catch (error) {
        await fail(flow, error, acting);
        await giveBack(flow, tokens, options);
        throw error;
      }
    },
  };
}

/** As the page's cookie holds it: at least 128 bits. */
const isBrowserSecret = (text: string): boolean => /^[A-Za-z0-9_-]{22,256}$/.test(text);

/**
 * The flow that an answer belongs to: of this issuer's redirect URI (security.md BC-07), confirmed by this browser and not
 * answered before (BC-03). An answer that doesn't fit changes nothing, so that strangers can't end logins.
 */
async function claim(
  alias: string,
  answer: AuthorizationAnswer,
  browser: string,
  { logins, clock }: LoginOptions,
): Promise<LoginFlow> {
  const flow = answer.state === '' ? undefined : await logins.loginByState(sha256(answer.state));
  if (flow?.kind !== 'page' || flow.issuerAlias !== alias) throw answerRefused('unknown state');
  if (flow.state !== 'confirmed' || clock.now() >= flow.expiresAt) throw answerRefused('answered before, or too late');
  if (!isBrowserSecret(browser) || sha256(browser) !== flow.browserHash) throw answerRefused('another browser');
  if (!(await logins.advanceLogin(flow, redeemingStep(clock)))) throw answerRefused('answered before');
  return { ...flow, state: 'redeeming' };
}
