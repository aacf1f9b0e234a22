import type { AccountStore } from '../../core/accounts.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { Login, LoginPoll, Peer, StartedLogin } from '../../core/services.ts';
import type { LoginFlow, LoginStore } from '../../core/sessions.ts';
import { display } from './claims.ts';
import type { DeviceStart } from './device-start.ts';
import type { OnIdentityEvent } from './events.ts';
import { loginDenied, loginExpired, providerUnknown, tooManyLogins } from './failures.ts';
import { createStartPace, type LoginLimits } from './login-limits.ts';
import { LOGIN_HANDLE_PREFIX, newOpaque, opaqueHash } from './opaque.ts';
import type { SessionOpening } from './opening.ts';
import type { DevicePoll, Provider } from './provider.ts';
import type { Vault } from './vault.ts';

const DEFAULT_LIFE_MS = 10 * 60_000;
/** While a poll is under way nobody else may ask: longer than a provider can take (four answers at 5 s). */
const POLL_BUSY_MS = 25_000;
/** RFC 8628 section 3.5: slow_down means 5 seconds more for this and all later polls. */
const SLOW_DOWN_MS = 5000;
const MAX_INTERVAL_MS = 60_000;
const SECOND = 1000;

export interface LoginOptions {
  /** By alias, in the order of the config. */
  readonly providers: ReadonlyMap<string, Provider>;
  readonly logins: LoginStore;
  readonly accounts: AccountStore;
  readonly opening: SessionOpening;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: LoginLimits;
  readonly onEvent: OnIdentityEvent;
}

export function createLogin(options: LoginOptions): Login {
  const { providers, logins, clock, limits } = options;
  const pace = createStartPace({ perMinute: limits.startsPerMinute, clock });
  let starting = 0;

  async function start(request: Parameters<Login['start']>[0], peer: Peer): Promise<StartedLogin> {
    const provider = request.provider === '' ? [...providers.values()][0] : providers.get(request.provider);
    if (!provider) throw providerUnknown();
    const wait = pace.take(peer.address);
    if (wait > 0) throw tooManyLogins(wait);
    if ((await logins.countLogins(clock.now())) + starting >= limits.pending) throw tooManyLogins(60 * SECOND);
    starting += 1;
    try {
      const device = await provider.startDevice();
      const handle = newOpaque(LOGIN_HANDLE_PREFIX);
      await logins.createLogin(flowOf(handle, device, { provider, request, peer }, options));
      return startedLogin(handle, device, provider, limits);
    } finally {
      starting -= 1;
    }
  }

  return {
    start,
    providers: async () =>
      [...providers.values()].map(({ alias, issuer }) => ({ alias, issuer, name: alias, grants: ['device_code'] })),
    await() {
      throw notOffered();
    },
    finish: async () => {
      throw notOffered();
    },
    password: async () => {
      throw notOffered();
    },
    async poll(handle) {
      const hash = opaqueHash(handle, LOGIN_HANDLE_PREFIX);
      const flow = hash === undefined ? undefined : await logins.login(hash);
      if (!flow) throw loginExpired();
      const now = clock.now();
      if (now >= flow.expiresAt) {
        await logins.consumeLogin(flow.handleHash);
        throw loginExpired();
      }
      if (now < flow.nextPollAt) return waiting('pending', flow.intervalMs);
      const busyUntil = now + Math.max(flow.intervalMs, POLL_BUSY_MS);
      const claimed = await logins.claimPoll(flow.handleHash, flow.nextPollAt, busyUntil, flow.intervalMs);
      return claimed ? settle(flow, busyUntil, options) : waiting('pending', flow.intervalMs);
    },
  };
}

type Asked = { provider: Provider; request: { client: string; host: string }; peer: Peer };

function flowOf(handle: string, device: DeviceStart, asked: Asked, { vault, clock, limits }: LoginOptions): LoginFlow {
  const now = clock.now();
  const handleHash = opaqueHash(handle, LOGIN_HANDLE_PREFIX) ?? '';
  return {
    handleHash,
    issuerAlias: asked.provider.alias,
    sealedDeviceCode: vault.seal(device.deviceCode, 'device-code', handleHash),
    expiresAt: now + lifeOf(device, limits),
    intervalMs: device.intervalMs,
    nextPollAt: now + device.intervalMs,
    client: display(asked.request.client),
    host: display(asked.request.host),
    address: asked.peer.address,
  };
}

const notOffered = () =>
  new AppError('FAILED_PRECONDITION', 'GRANT_NOT_OFFERED', 'This server does not offer that way to log in.');

const lifeOf = (device: DeviceStart, { lifeMs = DEFAULT_LIFE_MS }: LoginLimits) => Math.min(device.expiresInMs, lifeMs);

function startedLogin(handle: string, device: DeviceStart, provider: Provider, limits: LoginLimits): StartedLogin {
  const { userCode, verificationUri, verificationUriComplete, intervalMs } = device;
  return {
    handle,
    userCode,
    verificationUri,
    verificationUriComplete,
    expiresIn: Math.floor(lifeOf(device, limits) / SECOND),
    interval: Math.ceil(intervalMs / SECOND),
    issuerAlias: provider.alias,
    authorizationUrl: '',
  };
}

const waiting = (state: 'pending' | 'slow_down', intervalMs: number): LoginPoll => ({
  state,
  interval: Math.ceil(intervalMs / SECOND),
});

/** How long to the next poll after each answer that leaves the flow open. */
const NEXT_INTERVAL: Readonly<Record<string, (intervalMs: number) => number>> = {
  pending: (intervalMs) => intervalMs,
  slow_down: (intervalMs) => intervalMs + SLOW_DOWN_MS,
  // RFC 8628 section 3.5: on a connection timeout, exponential backoff.
  unreachable: (intervalMs) => intervalMs * 2,
};

/** Asks the provider once and does what its answer means. The claim on the flow is held until then. */
async function settle(flow: LoginFlow, busyUntil: number, options: LoginOptions): Promise<LoginPoll> {
  const { logins, clock, onEvent } = options;
  const answer = await ask(flow, options);
  if (answer.state === 'approved') return approve(flow, answer.tokens, options);
  const grow = NEXT_INTERVAL[answer.state];
  if (grow) {
    const intervalMs = Math.min(grow(flow.intervalMs), MAX_INTERVAL_MS);
    await logins.claimPoll(flow.handleHash, busyUntil, clock.now() + intervalMs, intervalMs);
    return waiting(answer.state === 'pending' ? 'pending' : 'slow_down', intervalMs);
  }
  await logins.consumeLogin(flow.handleHash);
  if (answer.state === 'expired') throw loginExpired();
  const nobody = { sessionId: '', accountId: '', principal: '' };
  await onEvent({ kind: 'login-denied', at: clock.now(), ...nobody, address: flow.address });
  throw loginDenied();
}

/** An answer that is neither approval nor a reason to wait ends the flow (security.md DG-06). */
async function ask(flow: LoginFlow, { providers, vault, logins, log }: LoginOptions): Promise<DevicePoll> {
  const provider = providers.get(flow.issuerAlias);
  try {
    if (!provider) throw providerUnknown();
    return await provider.pollDevice(vault.open(flow.sealedDeviceCode, 'device-code', flow.handleHash));
  } catch (error) {
    await logins.consumeLogin(flow.handleHash);
    if (!isAppError(error)) throw error;
    log.warn({ provider: flow.issuerAlias, reason: error.reason, err: error.cause }, 'a login failed at the provider');
    const hint = error.code === 'UNAVAILABLE' ? 'Start again: fedctl login' : error.hint;
    throw new AppError(error.code, error.reason, error.message, { cause: error, ...(hint ? { hint } : {}) });
  }
}

type Approved = Extract<DevicePoll, { state: 'approved' }>['tokens'];

/** The flow is used up first: whatever happens after, its device code is redeemed once. */
async function approve(flow: LoginFlow, tokens: Approved, options: LoginOptions): Promise<LoginPoll> {
  const { logins, accounts, opening, clock, providers } = options;
  if (!(await logins.consumeLogin(flow.handleHash))) {
    if (tokens.refreshToken !== undefined) await providers.get(flow.issuerAlias)?.revoke(tokens.refreshToken);
    throw loginExpired();
  }
  const account = await accounts.upsertAccount(tokens.identity, clock.now());
  return { state: 'approved', tokens: await opening.open(account, tokens, flow) };
}
