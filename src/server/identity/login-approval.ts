import type { Account } from '../../core/accounts.ts';
import type { Clock } from '../../core/clock.ts';
import { type AppError, isAppError } from '../../core/errors.ts';
import { accountPrincipal } from '../../core/principals.ts';
import type { AuthorizationAnswer, LoginPoll } from '../../core/services.ts';
import type { LoginFlow, LoginStep } from '../../core/sessions.ts';
import {
  answerRefused,
  loginDenied,
  loginExpired,
  loginFailed,
  providerRefused,
  providerUnavailable,
  providerUnknown,
} from './failures.ts';
import { giveBack, type Look, NOBODY, waiting } from './login-device.ts';
import type { LoginOptions } from './login-options.ts';
import { requestOf } from './login-start.ts';
import type { ProviderTokens } from './provider.ts';

/** What is kept of an approved login until its client fetches it. */
interface LoginResult {
  readonly accountId: string;
  readonly tokens: ProviderTokens;
}

/** Time for a client that polls to fetch what was approved at the last moment. */
const FETCH_MS = 60_000;

/** A provider has answered by then, or no more (four answers at 5 s); or the process that asked is gone. */
const REDEEM_MS = 30_000;

/** Claims a flow for redeeming the provider's code. */
export const redeemingStep = ({ now }: Pick<Clock, 'now'>): LoginStep => ({
  state: 'redeeming',
  nextPollAt: now() + REDEEM_MS,
});

/** Redeems the provider's code for a flow that has been claimed by its state `redeeming`. Ends the flow where that fails. */
export async function redeemFor(
  flow: LoginFlow,
  answer: AuthorizationAnswer,
  { options, by }: { options: LoginOptions; by: string },
): Promise<ProviderTokens> {
  const provider = options.providers.get(flow.issuerAlias);
  try {
    const { authorization } = requestOf(flow, options);
    if (!provider) throw providerUnknown();
    if (!authorization) throw answerRefused('no authorization request was made');
    return await provider.redeem(authorization, answer);
  } catch (error) {
    await fail(flow, error, { options, by });
    throw error;
  }
}

/** Ends a flow; who waits for it is told why. False where it has gone on in the meantime: then nothing has changed. */
export async function fail(
  flow: LoginFlow,
  error: unknown,
  { options, by }: { options: LoginOptions; by: string },
): Promise<boolean> {
  const { logins, log, clock, onEvent, waiting: waiters } = options;
  const reason = isAppError(error) ? error.reason : 'LOGIN_FAILED';
  const hasEnded = await logins.advanceLogin(flow, { state: 'failed', failure: reason });
  waiters.wake(flow.handleHash);
  if (reason === 'LOGIN_DENIED') {
    if (hasEnded)
      await onEvent({ kind: 'login-denied', at: clock.now(), ...NOBODY, address: by, requester: flow.address });
    return hasEnded;
  }
  const cause = isAppError(error) ? error.cause : error;
  log.warn({ provider: flow.issuerAlias, reason, err: cause }, 'a login failed at the provider');
  return hasEnded;
}

/** Keeps who logged in until the waiting client fetches it. */
export async function approve(
  flow: LoginFlow,
  tokens: ProviderTokens,
  { options, by }: { options: LoginOptions; by: string },
): Promise<Account> {
  const { logins, accounts, vault, clock, onEvent, waiting: waiters } = options;
  const now = clock.now();
  const account = await accounts.upsertAccount(tokens.identity, now);
  const principal = accountPrincipal(account);
  const who = { sessionId: '', accountId: account.id, principal };
  await onEvent({ kind: 'login-approved', at: now, ...who, address: by, requester: flow.address });
  const result: LoginResult = { accountId: account.id, tokens };
  const approved = await logins.advanceLogin(flow, {
    state: 'approved',
    sealedResult: vault.seal(JSON.stringify(result), 'login-result', flow.handleHash),
    expiresAt: Math.max(flow.expiresAt, now + FETCH_MS),
  });
  if (!approved) throw loginExpired();
  waiters.wake(flow.handleHash);
  return account;
}

/** How a login stands that is approved on our page or finished by its client. Nobody is asked. */
export async function lookAtApproval(flow: LoginFlow, options: LoginOptions): Promise<Look> {
  if (flow.state === 'approved') return { poll: await fetchResult(flow, options), againInMs: 0 };
  const late = flow.state === 'redeeming' ? flow.nextPollAt - options.clock.now() : REDEEM_MS;
  if (late <= 0) await options.logins.advanceLogin(flow, { state: 'failed', failure: 'LOGIN_FAILED' });
  // Ended by this look or not: the next one tells.
  if (flow.state !== 'failed') return { poll: waiting('pending', flow.intervalMs), againInMs: Math.max(0, late) };
  await options.logins.consumeLogin(flow.handleHash);
  throw failureOf(flow.failure);
}

/** The flow is used up first: tokens are handed out once (security.md T-02). */
async function fetchResult(flow: LoginFlow, options: LoginOptions): Promise<LoginPoll> {
  const { logins, accounts, opening } = options;
  if (!(await logins.consumeLogin(flow.handleHash))) throw loginExpired();
  const { accountId, tokens } = resultOf(flow, options);
  const account = await accounts.accountById(accountId);
  if (!account) throw loginExpired();
  return { state: 'approved', tokens: await opening.open(account, tokens, flow) };
}

/** Ends approved logins of those who are meant before their clients come. @returns how many */
export async function endApproved(
  alias: string,
  isMeant: (tokens: ProviderTokens) => boolean,
  options: LoginOptions,
): Promise<number> {
  const { logins, clock, waiting: waiters } = options;
  const step: LoginStep = { state: 'failed', failure: 'LOGIN_FAILED', sealedResult: '' };
  let count = 0;
  for (const flow of await logins.approvedLogins(alias, clock.now())) {
    const { tokens } = resultOf(flow, options);
    if (!isMeant(tokens) || !(await logins.advanceLogin(flow, step))) continue;
    count += 1;
    waiters.wake(flow.handleHash);
    tellLater(flow, async () => giveBack(flow, tokens, options), options);
  }
  return count;
}

/** Tells providers of logins whose clients never came: nobody else knows of those refresh tokens. Waits for no provider. */
export async function giveBackUnfetched(options: LoginOptions): Promise<void> {
  for (const flow of await options.logins.takeUnfetched(options.clock.now())) {
    tellLater(flow, async () => giveBack(flow, resultOf(flow, options).tokens, options), options);
  }
}

function tellLater(flow: LoginFlow, tell: () => Promise<void>, { log }: LoginOptions): void {
  void tell().catch((err: unknown) => log.warn({ provider: flow.issuerAlias, err }, 'a grant stays open'));
}

function resultOf({ sealedResult = '', handleHash }: LoginFlow, { vault }: LoginOptions): LoginResult {
  return JSON.parse(vault.open(sealedResult, 'login-result', handleHash));
}

const TOLD = new Error('told on the page');

const FAILURES: Readonly<Record<string, () => AppError>> = {
  LOGIN_DENIED: loginDenied,
  LOGIN_ANSWER_REFUSED: () => answerRefused('told on the page'),
  IDENTITY_PROVIDER_UNAVAILABLE: () => providerUnavailable(TOLD, 'Start again: fedctl login'),
  IDENTITY_PROVIDER_REFUSED: () => providerRefused(TOLD),
  IDENTITY_PROVIDER_MISCONFIGURED: () => providerRefused(TOLD),
};

/** What the waiting client is told, by the reason that the flow was ended with. */
function failureOf(reason: string): AppError {
  return (Object.hasOwn(FAILURES, reason) ? FAILURES[reason] : undefined)?.() ?? loginFailed();
}
