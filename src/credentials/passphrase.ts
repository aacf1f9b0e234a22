import { randomBytes, scrypt } from 'node:crypto';
import type { Secret } from '../core/secret.ts';
import { type KeyFacts, keyCheck, type ScryptFacts } from './sealed.ts';

const KEY_BYTES = 32;

/** About 0.4 s and 128 MiB: what a guess costs, too. */
const COST = { n: 2 ** 17, r: 8, p: 1 };

/** The key that a passphrase stands for; the same characters typed on another system are the same passphrase (NFKC). */
export async function deriveKey(passphrase: Secret, { n, r, p, salt }: ScryptFacts): Promise<Buffer> {
  const options = { N: n, r, p, maxmem: 160 * n * r };
  const text = passphrase.reveal().normalize('NFKC');
  return await new Promise((resolve, reject) => {
    scrypt(text, Buffer.from(salt, 'base64'), KEY_BYTES, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/** A key of its own for this passphrase, under a new salt. */
export async function newPassphraseKey(
  passphrase: Secret,
  chosen: Omit<ScryptFacts, 'salt'> = COST,
): Promise<{ key: Buffer; facts: KeyFacts }> {
  const cost = { ...chosen, salt: randomBytes(16).toString('base64') };
  const key = await deriveKey(passphrase, cost);
  return { key, facts: { kind: 'passphrase', check: keyCheck(key), ...cost } };
}
