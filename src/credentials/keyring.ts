import { createHash, randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../core/errors.ts';
import type { LoginId } from './key-agent.ts';

const SERVICE = 'fedctl';
const KEY_BYTES = 32;

/** One secret of the keyring. */
export interface KeyringEntry {
  /** Null where there is none. */
  getSecret(): Promise<ArrayLike<number> | null>;
  setSecret(secret: Uint8Array): Promise<void>;
  deleteCredential(): Promise<boolean>;
}

/** Opens an entry of the keyring of this person. Throws where there is no keyring. */
export type OpenKeyring = (service: string, account: string) => Promise<KeyringEntry>;

/**
 * The keychain of macOS; on Linux a Secret Service (GNOME Keyring, KWallet, KeePassXC). Never the kernel's own keyring,
 * which forgets at every reboot.
 */
export const osKeyring: OpenKeyring = async (service, account) => {
  const { AsyncEntry } = await import('@napi-rs/keyring');
  return new AsyncEntry(service, account, { linux: { store: 'secret-service' } });
};

/** Name of a connection's key in the keyring: the address, and which of the files that name it. */
function accountOf({ origin, path }: LoginId): string {
  // One file has one key, by whatever way it is reached.
  const real = join(realpathSync(dirname(path)), basename(path));
  return `${origin} ${createHash('sha256').update(real).digest('hex').slice(0, 32)}`;
}

/** True where there is a keyring, locked or not. */
export async function hasKeyring(open: OpenKeyring = osKeyring): Promise<boolean> {
  try {
    await open(SERVICE, 'probe');
    return true;
  } catch {
    return false;
  }
}

/** The key of a connection; undefined where the keyring has none. @throws FAILED_PRECONDITION KEYRING_UNAVAILABLE */
export async function readKey(login: LoginId, open: OpenKeyring): Promise<Buffer | undefined> {
  return await reaching(async () => {
    const secret = await (await open(SERVICE, accountOf(login))).getSecret();
    return secret?.length === KEY_BYTES ? Buffer.from(secret) : undefined;
  });
}

/** The key of a connection, made where there is none. Call it under the lock. @throws FAILED_PRECONDITION KEYRING_UNAVAILABLE */
export async function makeKey(login: LoginId, open: OpenKeyring): Promise<Buffer> {
  const old = await readKey(login, open);
  if (old !== undefined) return old;
  return await reaching(async () => {
    const key = randomBytes(KEY_BYTES);
    const entry = await open(SERVICE, accountOf(login));
    await entry.setSecret(key);
    // Some keyrings say yes and keep nothing.
    const kept = await entry.getSecret();
    if (kept === null || !key.equals(Buffer.from(kept))) throw new Error('the keyring did not keep the key');
    return key;
  });
}

/** @throws FAILED_PRECONDITION KEYRING_UNAVAILABLE */
export async function removeKey(login: LoginId, open: OpenKeyring): Promise<void> {
  await reaching(async () => (await open(SERVICE, accountOf(login))).deleteCredential());
}

async function reaching<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const text = 'The keyring of this computer is locked, or none is running.';
    throw new AppError('FAILED_PRECONDITION', 'KEYRING_UNAVAILABLE', text, {
      hint: 'Unlock it and run the command again. To keep the login elsewhere: fedctl login --force --storage encrypted (or file)',
      cause,
    });
  }
}
