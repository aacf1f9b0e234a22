import { AppError, isAppError } from '../../core/errors.ts';
import type { LoginPoll } from '../../core/services.ts';
import type { LoginFlow } from '../../core/sessions.ts';
import { loginDenied, loginExpired, providerUnknown } from './failures.ts';
import type { LoginOptions } from './login-options.ts';
import { requestOf } from './login-start.ts';
import type { DevicePoll, ProviderTokens } from './provider.ts';

/** While a poll is under way nobody else may ask: longer than a provider can take (four answers at 5 s). */
const POLL_BUSY_MS = 25_000;
/** RFC 8628 section 3.5: slow_down means 5 seconds more for this and all later polls. */
const SLOW_DOWN_MS = 5000;
const MAX_INTERVAL_MS = 60_000;
const SECOND = 1000;

/** How a login stands, and when it makes sense to look again. */
export interface Look {
  readonly poll: LoginPoll;
  readonly againInMs: number;
}

export const waiting = (state: 'pending' | 'slow_down', intervalMs: number): LoginPoll => ({
  state,
  interval: Math.ceil(intervalMs / SECOND),
});

/** Asks the provider if it is time, whoever wants to know and in whichever process (security.md DG-09). */
export async function lookAtDevice(flow: LoginFlow, options: LoginOptions): Promise<Look> {
  const { logins, clock } = options;
  const now = clock.now();
  const pending = waiting('pending', flow.intervalMs);
  if (now < flow.nextPollAt) return { poll: pending, againInMs: flow.nextPollAt - now };
  const busyUntil = now + Math.max(flow.intervalMs, POLL_BUSY_MS);
  const claimed = await logins.claimPoll(flow.handleHash, flow.nextPollAt, busyUntil, flow.intervalMs);
  // Somebody else asks right now: how that went is known soon.
  if (!claimed) return { poll: pending, againInMs: Math.min(flow.intervalMs, SECOND) };
  return settle(flow, busyUntil, options);
}

/** How long to the next poll after each answer that leaves the flow open. */
const NEXT_INTERVAL: Readonly<Record<string, (intervalMs: number) => number>> = {
  pending: (intervalMs) => intervalMs,
  slow_down: (intervalMs) => intervalMs + SLOW_DOWN_MS,
  // RFC 8628 section 3.5: on a connection timeout, exponential backoff.
  unreachable: (intervalMs) => intervalMs * 2,
};

/** Asks the provider once and does what its answer means. The claim on the flow is held until then. */
async function settle(flow: LoginFlow, busyUntil: number, options: LoginOptions): Promise<Look> {
  const { logins, clock, onEvent } = options;
  const answer = await ask(flow, options);
  if (answer.state === 'approved') return { poll: await approve(flow, answer.tokens, options), againInMs: 0 };
  const grow = NEXT_INTERVAL[answer.state];
  if (grow) {
    const intervalMs = Math.min(grow(flow.intervalMs), MAX_INTERVAL_MS);
    await logins.claimPoll(flow.handleHash, busyUntil, clock.now() + intervalMs, intervalMs);
    const poll = waiting(answer.state === 'pending' ? 'pending' : 'slow_down', intervalMs);
    return { poll, againInMs: intervalMs };
  }
  await logins.consumeLogin(flow.handleHash);
  if (answer.state === 'expired') throw loginExpired();
  await onEvent({ kind: 'login-denied', at: clock.now(), ...NOBODY, address: flow.address });
  throw loginDenied();
}

export const NOBODY = { sessionId: '', accountId: '', principal: '' };

/** An answer that is neither approval nor a reason to wait ends the flow (security.md DG-06). */
async function ask(flow: LoginFlow, options: LoginOptions): Promise<DevicePoll> {
  const { providers, vault, logins, log } = options;
  const provider = providers.get(flow.issuerAlias);
  try {
    if (!provider) throw providerUnknown();
    const { asked } = requestOf(flow, options);
    return await provider.pollDevice(vault.open(flow.sealedDeviceCode, 'device-code', flow.handleHash), asked);
  } catch (error) {
    await logins.consumeLogin(flow.handleHash);
    if (!isAppError(error)) throw error;
    log.warn({ provider: flow.issuerAlias, reason: error.reason, err: error.cause }, 'a login failed at the provider');
    const hint = error.code === 'UNAVAILABLE' ? 'Start again: fedctl login' : error.hint;
    throw new AppError(error.code, error.reason, error.message, { cause: error, ...(hint ? { hint } : {}) });
  }
}

/** The flow is used up first: whatever happens after, its device code is redeemed once. */
async function approve(flow: LoginFlow, tokens: ProviderTokens, options: LoginOptions): Promise<LoginPoll> {
  const { logins, accounts, opening, clock } = options;
  if (!(await logins.consumeLogin(flow.handleHash))) {
    await giveBack(flow, tokens, options);
    throw loginExpired();
  }
  const account = await accounts.upsertAccount(tokens.identity, clock.now());
  return { state: 'approved', tokens: await opening.open(account, tokens, flow) };
}

/** Nobody will use them: the provider should know. */
export async function giveBack(
  flow: LoginFlow,
  { refreshToken }: ProviderTokens,
  options: LoginOptions,
): Promise<void> {
  if (refreshToken !== undefined) await options.providers.get(flow.issuerAlias)?.revoke(refreshToken);
}
