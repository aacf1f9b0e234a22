import { randomBytes } from 'node:crypto';
import type { KeyStore, MetaStore, SigningKey } from '../../../src/core/sessions.ts';
import { createSigningKeys } from '../../../src/server/identity/keys.ts';
import { createAccessTokens } from '../../../src/server/identity/tokens.ts';
import { createVault } from '../../../src/server/identity/vault.ts';

export const ISSUER = 'https://fedctl.example.test';
export const AUDIENCE = 'https://fedctl.example.test/api';
export const START = Date.UTC(2026, 0, 1);

export function fakeClock() {
  let at = START;
  const advance = (ms: number): void => {
    at += ms;
  };
  return { now: () => at, monotonic: () => at, advance };
}

/** Keys in memory, as the port has them. */
export function memoryKeys(): KeyStore & { readonly rows: SigningKey[]; reads: number } {
  const rows: SigningKey[] = [];
  return {
    rows,
    reads: 0,
    async signingKeys() {
      this.reads += 1;
      return [...rows];
    },
    async rotateSigningKey(key, ifNewestIs, now) {
      const current = rows.find((row) => row.retiredAt === undefined);
      if (current && current.kid !== ifNewestIs) return false;
      if (current) rows.splice(rows.indexOf(current), 1, { ...current, retiredAt: now });
      rows.unshift(key);
      return true;
    },
    async deleteSigningKeys(retiredBefore) {
      const over = rows.filter((row) => row.retiredAt !== undefined && row.retiredAt < retiredBefore);
      for (const row of over) rows.splice(rows.indexOf(row), 1);
      return over.length;
    },
  };
}

export function memoryMeta(): MetaStore {
  const values = new Map<string, string>();
  return {
    meta: async (name) => values.get(name),
    setMeta: async (name, value) => void values.set(name, value),
    async initMeta(name, value) {
      if (!values.has(name)) values.set(name, value);
      return values.get(name) ?? value;
    },
  };
}

/** Access tokens of one issuer with a clock that tests move. */
export function tokenBench() {
  const clock = fakeClock();
  const store = memoryKeys();
  const vault = createVault(randomBytes(32));
  const times = { rotationMs: 86_400_000, accessTtlMs: 600_000, rememberMs: 86_400_000 };
  const keys = createSigningKeys({ store, vault, clock, ...times });
  const tokens = createAccessTokens({ issuer: ISSUER, audience: AUDIENCE, keys, clock, ttlMs: 600_000, cacheSize: 10 });
  const mint = async (notAfter = Number.MAX_SAFE_INTEGER) =>
    (await tokens.mint({ sub: 'account-1', sid: 'session-1', gen: 3 }, notAfter)).token;
  return { clock, store, vault, keys, tokens, mint };
}

export async function reasonOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return 'no error';
  } catch (error) {
    return (error as { reason?: string }).reason ?? String(error);
  }
}
