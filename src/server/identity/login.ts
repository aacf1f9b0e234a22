import { setTimeout as sleep } from 'node:timers/promises';
import { Secret } from '../../core/secret.ts';
import type { Login, LoginPoll, LoginProvider, Peer, StartedLogin } from '../../core/services.ts';
import type { LoginFlow, LoginKind } from '../../core/sessions.ts';
import { display } from './claims.ts';
import {
  answerRefused,
  grantNotOffered,
  loginAwaitedElsewhere,
  loginExpired,
  providerUnknown,
  requestInvalid,
  tooManyLogins,
} from './failures.ts';
import { lookAtApproval, redeemFor, redeemingStep } from './login-approval.ts';
import { giveBack, type Look, lookAtDevice } from './login-device.ts';
import { createLoginRoom, createPace, createStartPace } from './login-limits.ts';
import type { LoginOptions } from './login-options.ts';
import { kindsOf, startFlow } from './login-start.ts';
import { LOGIN_HANDLE_PREFIX, opaqueHash, sha256 } from './opaque.ts';
import type { Abilities, Provider } from './provider.ts';

/** A person mistypes a few times; a program tries many. */
const PASSWORDS_PER_MINUTE = 5;
const MAX_PASSWORD = 4096;
/** A list of providers waits no longer for one of them. */
const LISTED_AFTER_MS = 1000;
/** It is remembered for its pace, for a while: no more than a name may take. */
const MAX_USERNAME = 320;

const LOOKS: Readonly<Record<LoginKind, (flow: LoginFlow, options: LoginOptions) => Promise<Look>>> = {
  device: lookAtDevice,
  page: lookAtApproval,
  code: lookAtApproval,
};

export function createLogin(options: LoginOptions): Login {
  const { providers, logins, clock, limits } = options;
  const pace = createStartPace({ perMinute: limits.startsPerMinute, clock });
  const passwords = createPace({ perMinute: PASSWORDS_PER_MINUTE, clock });
  const room = createLoginRoom({ logins, limits, clock });

  /** One more login from that address. @throws NOT_FOUND PROVIDER_UNKNOWN, RESOURCE_EXHAUSTED TOO_MANY_LOGINS */
  function admit(alias: string, peer: Peer): Provider {
    const provider = alias === '' ? [...providers.values()][0] : providers.get(alias);
    if (!provider) throw providerUnknown();
    const wait = pace.take(peer.address);
    if (wait > 0) throw tooManyLogins(wait);
    return provider;
  }

  return {
    providers: () => Promise.all([...providers.values()].map((provider) => describe(provider, providers.size))),

    async start(request, peer): Promise<StartedLogin> {
      const provider = admit(request.provider, peer);
      return room.within(peer.address, async () => {
        const { flow, started } = await startFlow({ provider, request, peer }, options);
        await logins.createLogin(flow);
        return started;
      });
    },

    poll: async (handle) => (await look(handle, options)).poll,

    await: (handle, signal) => follow(handle, signal, options),

    finish: (handle, answer) => finish(handle, answer, options),

    async password({ provider: alias, username, password, client, host }, peer) {
      const provider = admit(alias, peer);
      if (!provider.allowsPassword) throw grantNotOffered();
      const isTooLong = username.length > MAX_USERNAME || password.length > MAX_PASSWORD;
      if (username === '' || password === '' || isTooLong)
        throw requestInvalid('A user name and a password are needed.');
      const wait = passwords.take(`${provider.alias} ${username.toLowerCase()}`);
      if (wait > 0) throw tooManyLogins(wait);
      const tokens = await provider.password(username, new Secret(password));
      const account = await options.accounts.upsertAccount(tokens.identity, clock.now());
      const from = { client: display(client), host: display(host), address: peer.address };
      return options.opening.open(account, tokens, from);
    },
  };
}

/** What most providers can do. */
const USUAL: Abilities = { device: true, code: true, namesIssuer: true };

/** A provider that can't be asked, or not soon, is listed with what most can do: it holds up no other (security.md F-04). */
async function describe(provider: Provider, issuers: number): Promise<LoginProvider> {
  const { alias, name, issuer, allowsPassword } = provider;
  const known = provider.abilities().catch(() => USUAL);
  const kinds = kindsOf(provider, await Promise.race([known, sleep(LISTED_AFTER_MS, USUAL, { ref: false })]), issuers);
  return {
    alias,
    name,
    issuer,
    grants: [
      ...(kinds.some((kind) => kind !== 'code') ? (['device_code'] as const) : []),
      ...(kinds.includes('code') ? (['code'] as const) : []),
      ...(allowsPassword ? (['password'] as const) : []),
    ],
  };
}

async function find(handle: string, { logins, clock }: LoginOptions): Promise<LoginFlow> {
  const hash = opaqueHash(handle, LOGIN_HANDLE_PREFIX);
  const flow = hash === undefined ? undefined : await logins.login(hash);
  if (!flow) throw loginExpired();
  if (clock.now() < flow.expiresAt) return flow;
  await logins.consumeLogin(flow.handleHash);
  throw loginExpired();
}

async function look(handle: string, options: LoginOptions): Promise<Look> {
  const flow = await find(handle, options);
  const { poll, againInMs } = await LOOKS[flow.kind](flow, options);
  return { poll, againInMs: Math.max(0, Math.min(againInMs, flow.expiresAt - options.clock.now())) };
}

/** Tells each change as it comes. Of several who wait for one login the last one gets it (security.md T-02). */
async function* follow(handle: string, signal: AbortSignal, options: LoginOptions): AsyncGenerator<LoginPoll> {
  const { handleHash } = await find(handle, options);
  const seat = options.waiting.enter(handleHash, signal);
  let told = '';
  try {
    while (!signal.aborted) {
      if (seat.isTaken) throw loginAwaitedElsewhere();
      const { poll, againInMs } = await look(handle, options);
      const news = JSON.stringify(poll.state === 'approved' ? poll.state : poll);
      if (news !== told) yield poll;
      if (poll.state === 'approved') return;
      told = news;
      await seat.rest(againInMs);
    }
  } finally {
    seat.leave();
  }
}

/** The code grant: its handle says whose login it is, its state which redirect. */
async function finish(handle: string, answer: Parameters<Login['finish']>[1], options: LoginOptions) {
  const { logins, accounts, opening, clock } = options;
  const flow = await find(handle, options);
  if (flow.kind !== 'code' || flow.state !== 'pending') throw loginExpired();
  // Whatever reaches the listener may be passed on; only the answer to this request ends the login (security.md BC-03).
  if (sha256(answer.state) !== flow.stateHash) throw answerRefused('another state');
  if (!(await logins.advanceLogin(flow, redeemingStep(clock)))) throw loginExpired();
  const claimed: LoginFlow = { ...flow, state: 'redeeming' };
  const tokens = await redeemFor(claimed, answer, { options, by: flow.address });
  if (!(await logins.consumeLogin(flow.handleHash))) {
    await giveBack(flow, tokens, options);
    throw loginExpired();
  }
  const account = await accounts.upsertAccount(tokens.identity, clock.now());
  return opening.open(account, tokens, flow);
}
