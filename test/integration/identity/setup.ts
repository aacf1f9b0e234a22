import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { TokenPair } from '../../../src/core/services.ts';
import { type LoginRequest, PLAIN_LOGIN } from '../../../src/core/services.ts';
import { createIdentity, type IdentityEvent, type IdentityOptions } from '../../../src/server/identity/index.ts';
import { createVault } from '../../../src/server/identity/vault.ts';
import { openStore, type Store } from '../../../src/server/store/index.ts';
import type { EvilIdp } from '../../support/evil-idp.ts';
import { openTempStore } from '../../support/store.ts';

export const ISSUER = 'https://fedctl.example.test';
export const peer = { address: '192.0.2.1', userAgent: 'test' };
export const asked: LoginRequest = { ...PLAIN_LOGIN, provider: '', client: 'fedctl test', host: 'laptop' };

/** Wall time that a test moves; the monotonic clock moves along. */
export interface TestClock extends Clock {
  advance(ms: number): void;
}

export function testClock(): TestClock {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    monotonic: () => performance.now() + ahead,
    advance: (ms) => {
      ahead += ms;
    },
  };
}

export interface Bench extends ReturnType<typeof createIdentity> {
  readonly clock: TestClock;
  readonly store: Store;
  readonly path: string;
  readonly vault: ReturnType<typeof createVault>;
  readonly events: readonly IdentityEvent[];
  /** Another server process on the same database, master key and clock. */
  replica(change?: Partial<IdentityOptions>): Promise<Bench>;
  cleanup(): Promise<void>;
}

type Issuer = { issuer: string; client: { id: string; secret: string }; pollIntervalMs?: number };

export const providerOf = ({ issuer, client, pollIntervalMs }: Issuer) => ({
  alias: 'test',
  issuer,
  clientId: client.id,
  clientSecret: new Secret(client.secret),
  allowInsecure: true,
  pollIntervalMs,
});

/** Identity over a real store; `change` overwrites its options. */
export async function openBench(idp: Issuer, change: Partial<IdentityOptions> = {}): Promise<Bench> {
  const temp = await openTempStore();
  const shared = { clock: testClock(), vault: createVault(randomBytes(32)), path: temp.path };
  return assemble(idp, change, { ...shared, store: temp.store, cleanup: temp.cleanup });
}

type Ground = Pick<Bench, 'clock' | 'vault' | 'path' | 'store' | 'cleanup'>;

function assemble(idp: Issuer, change: Partial<IdentityOptions>, ground: Ground): Bench {
  const { store, clock, vault } = ground;
  const events: IdentityEvent[] = [];
  const stores = { accounts: store, sessions: store, renewals: store, logins: store, keys: store, once: store };
  const identity = createIdentity({
    issuerUrl: ISSUER,
    providers: [providerOf(idp)],
    vault,
    ...stores,
    clock,
    log: silentLogger,
    onEvent: (event) => {
      events.push(event);
    },
    ...change,
  });
  return {
    ...identity,
    ...ground,
    events,
    async replica(more = {}) {
      const own = await openStore({ kind: 'sqlite', path: ground.path, log: silentLogger });
      return assemble(idp, { ...change, ...more }, { ...ground, store: own, cleanup: () => own.close() });
    },
    async cleanup() {
      await identity.service.stop();
      await ground.cleanup();
    },
  };
}

/** A login at the scripted provider, which approves at the first poll. */
export async function logIn(bench: Bench): Promise<TokenPair> {
  const { handle, interval } = await bench.login.start(asked, peer);
  bench.clock.advance(interval * 1000);
  const poll = await bench.login.poll(handle);
  if (poll.state !== 'approved') throw new Error(`not approved: ${poll.state}`);
  return poll.tokens;
}

/** Reason code of the AppError that `promise` rejects with. */
export async function reasonOf(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.then(
    () => 'no error',
    (error: { reason?: string }) => error.reason ?? String(error),
  );
  return outcome;
}

export const evilIssuer = (idp: EvilIdp) => ({
  issuer: idp.issuer,
  client: { id: 'fedctl-test', secret: 's3cr3t-canary' },
});
