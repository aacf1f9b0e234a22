import { createPublicKey, type KeyObject } from 'node:crypto';

/** A key of an issuer that may vouch for its tokens (security.md AT-13). */
export interface TrustedKey {
  readonly kid: string | undefined;
  /** Signature algorithms that fit it. */
  readonly algorithms: readonly string[];
  readonly key: KeyObject;
}

const MAX_KEYS = 200;
const MIN_RSA_BITS = 2048;
/** Verifying takes the longer the larger a key is. */
const MAX_RSA_BITS = 8192;
const MAX_RSA_EXPONENT = 2n ** 32n;

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const CURVES: Readonly<Record<string, readonly string[]>> = {
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
};

/**
 * The keys of a set (RFC 7517) that can verify signatures. Others, such as keys for encryption, are passed over.
 * @throws Error where none is left, or two have the same id: then nobody can say which one is meant (F-09)
 */
export function usableKeys({ keys }: { readonly keys: readonly unknown[] }): readonly TrustedKey[] {
  const usable = keys.slice(0, MAX_KEYS).flatMap((jwk) => trustedKey(jwk) ?? []);
  if (usable.length === 0) throw new Error('the key set holds no usable key');
  const ids = usable.map(({ kid }) => kid).filter((kid) => kid !== undefined);
  if (new Set(ids).size < ids.length) throw new Error('the key set has two keys of one id');
  return usable;
}

/** `jwk` as a key that verifies; undefined for anything that isn't a sound public key of a signature algorithm. */
export function trustedKey(jwk: unknown): TrustedKey | undefined {
  if (typeof jwk !== 'object' || jwk === null) return undefined;
  const { kty, kid, alg, use, key_ops: operations } = jwk as Record<string, unknown>;
  const isForSignatures = use === undefined || use === 'sig';
  const mayVerify = operations === undefined || (Array.isArray(operations) && operations.includes('verify'));
  // Who publishes a private key has lost it: anybody can sign with it.
  if (!isForSignatures || !mayVerify || 'd' in jwk || 'k' in jwk) return undefined;
  if (kid !== undefined && (typeof kid !== 'string' || kid === '')) return undefined;
  const fitting = algorithmsOf(jwk as Record<string, unknown>);
  const algorithms = alg === undefined ? fitting : fitting.filter((one) => one === alg);
  const key = algorithms.length > 0 ? publicKey(jwk) : undefined;
  return key && (kty !== 'RSA' || isSoundRsa(key)) ? { kid, algorithms, key } : undefined;
}

function algorithmsOf({ kty, crv }: Record<string, unknown>): readonly string[] {
  if (kty === 'RSA') return RSA;
  if (kty === 'EC' && typeof crv === 'string' && Object.hasOwn(CURVES, crv)) return CURVES[crv] ?? [];
  return kty === 'OKP' && crv === 'Ed25519' ? ['EdDSA', 'Ed25519'] : [];
}

function publicKey(jwk: object): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk as never, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function isSoundRsa(key: KeyObject): boolean {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  const isFair = modulusLength >= MIN_RSA_BITS && modulusLength <= MAX_RSA_BITS;
  const isUsual = publicExponent >= 3n && publicExponent <= MAX_RSA_EXPONENT && publicExponent % 2n === 1n;
  return isFair && isUsual && !isRoca(key);
}

/** Of a random modulus all of these say yes once in some 100 million. */
const ROCA_PRIMES = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

/** Keys of a faulty chip (CVE-2017-15361) can be factored; modulo small primes they are powers of 65537. */
function isRoca(key: KeyObject): boolean {
  const { n = '' } = key.export({ format: 'jwk' }) as { n?: string };
  const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
  return ROCA_PRIMES.every((prime) => isPowerOf(65537 % prime, Number(modulus % BigInt(prime)), prime));
}

function isPowerOf(base: number, value: number, prime: number): boolean {
  for (let power = 1, step = 0; step < prime; step += 1) {
    if (power === value) return true;
    power = (power * base) % prime;
  }
  return false;
}
