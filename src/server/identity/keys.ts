import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import type { PublicKeys } from '../../core/services.ts';
import type { KeyStore, SigningKey } from '../../core/sessions.ts';
import { thumbprint } from './jws.ts';
import type { Vault } from './vault.ts';

/**
 * ES256 and not EdDSA: OpenSSL verifies P-256 faster than Ed25519 (142 to 151 against 166 to 178 microseconds of CPU,
 * measured on one machine in one run), and verifying is what every call does.
 */
const ALG = 'ES256';
/** Another process may have rotated: what is known is read again after this long. */
const RELOAD_MS = 30_000;
/** Distance between two reads for unknown key ids, so that a flood of them costs nothing (security.md MD-03). */
const UNKNOWN_KID_MS = 100;
export const CLOCK_SKEW_MS = 60_000;

export interface SigningKeys extends PublicKeys {
  /** The key that signs now; made at the first call. */
  signer(): Promise<{ kid: string; key: KeyObject }>;
  /** The key of that id, or undefined; `retiredAt` tells how long it may vouch for tokens. Sync where it is known. */
  verifier(kid: string): VerifyKey | Promise<VerifyKey | undefined>;
  /** Retires the signing key where it is due. True when this call did it. */
  rotateIfDue(): Promise<boolean>;
  /** Deletes keys that are of no use any more. */
  sweep(): Promise<number>;
}

export interface VerifyKey {
  readonly kid: string;
  readonly alg: string;
  readonly key: KeyObject;
  /** True while it vouches for tokens in force; later it only recognises expired ones. */
  live(): boolean;
}

export interface SigningKeysOptions {
  readonly store: KeyStore;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly rotationMs: number;
  readonly accessTtlMs: number;
  /** How long after its end an access token can still be shown together with a live refresh token: the idle time. */
  readonly rememberMs: number;
}

interface Known {
  readonly rows: readonly SigningKey[];
  readonly verifiers: ReadonlyMap<string, VerifyKey>;
  readonly signer: { kid: string; key: KeyObject } | undefined;
  readonly loadedAt: number;
}

export function createSigningKeys(options: SigningKeysOptions): SigningKeys {
  const { store, clock } = options;
  let known: Known | undefined;
  let loading: Promise<Known> | undefined;
  let coming: Promise<Known> | undefined;

  async function readKeys(): Promise<Known> {
    const loadedAt = clock.monotonic();
    known = parseKeys(await store.signingKeys(), known, loadedAt, options);
    return known;
  }
  function load(): Promise<Known> {
    loading ??= readKeys().finally(() => {
      loading = undefined;
    });
    return loading;
  }
  const fresh = async () => (known && clock.monotonic() - known.loadedAt < RELOAD_MS ? known : await load());

  async function reloadLater(): Promise<Known> {
    const wait = known ? UNKNOWN_KID_MS - (clock.monotonic() - known.loadedAt) : 0;
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    return load();
  }
  /** All who ask for unknown key ids at the same time wait for one read. */
  async function reloadFor(kid: string): Promise<VerifyKey | undefined> {
    coming ??= reloadLater().finally(() => {
      coming = undefined;
    });
    return (await coming).verifiers.get(kid);
  }

  async function rotate(replaced: string | undefined): Promise<boolean> {
    const done = await store.rotateSigningKey(newKey(options), replaced, clock.now());
    await load();
    return done;
  }

  return {
    async signer() {
      const { signer } = await fresh();
      if (signer) return signer;
      await rotate(undefined);
      const made = (await load()).signer;
      if (!made) throw new Error('no signing key stands after one was made');
      return made;
    },
    verifier: (kid) => known?.verifiers.get(kid) ?? reloadFor(kid),
    async rotateIfDue() {
      const current = currentRow((await load()).rows);
      if (current && clock.now() - current.createdAt < options.rotationMs) return false;
      return rotate(current?.kid);
    },
    async sweep() {
      const useful = Math.max(vouchMs(options), options.rememberMs + CLOCK_SKEW_MS);
      const deleted = await store.deleteSigningKeys(clock.now() - useful);
      if (deleted > 0) await load();
      return deleted;
    },
    async jwks() {
      const { rows, verifiers } = await fresh();
      const live = rows.filter((row) => verifiers.get(row.kid)?.live());
      return { keys: live.map((row) => JSON.parse(row.publicJwk)) };
    },
  };
}

/** Another process may sign with a retired key until it reads the keys again; then its last token lives on. */
const vouchMs = (options: SigningKeysOptions) => options.accessTtlMs + RELOAD_MS + CLOCK_SKEW_MS;

function currentRow(rows: readonly SigningKey[]): SigningKey | undefined {
  const active = rows.filter((row) => row.retiredAt === undefined);
  return active.sort((a, b) => b.createdAt - a.createdAt || (a.kid < b.kid ? -1 : 1))[0];
}

function parseKeys(
  rows: readonly SigningKey[],
  old: Known | undefined,
  loadedAt: number,
  o: SigningKeysOptions,
): Known {
  const verifiers = new Map<string, VerifyKey>();
  for (const row of rows) {
    const key = old?.verifiers.get(row.kid)?.key ?? createPublicKey({ key: JSON.parse(row.publicJwk), format: 'jwk' });
    const live = () => row.retiredAt === undefined || o.clock.now() < row.retiredAt + vouchMs(o);
    verifiers.set(row.kid, { kid: row.kid, alg: row.alg, key, live });
  }
  const row = currentRow(rows);
  if (!row) return { rows, verifiers, signer: undefined, loadedAt };
  const signer = old?.signer?.kid === row.kid ? old.signer : { kid: row.kid, key: openPrivate(row, o.vault) };
  return { rows, verifiers, signer, loadedAt };
}

function openPrivate(row: SigningKey, vault: Vault): KeyObject {
  const jwk = JSON.parse(vault.open(row.sealedPrivateJwk, 'signing-key', row.kid));
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

function newKey({ vault, clock }: SigningKeysOptions): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = publicKey.export({ format: 'jwk' }) as { crv?: string; x?: string; y?: string };
  const kid = thumbprint(jwk);
  return {
    kid,
    alg: ALG,
    publicJwk: JSON.stringify({ ...jwk, kid, alg: ALG, use: 'sig' }),
    sealedPrivateJwk: vault.seal(JSON.stringify(privateKey.export({ format: 'jwk' })), 'signing-key', kid),
    createdAt: clock.now(),
    retiredAt: undefined,
  };
}
