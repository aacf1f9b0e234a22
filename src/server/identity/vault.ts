import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { AppError } from '../../core/errors.ts';
import type { MetaStore } from '../../core/sessions.ts';

/** Seals what is stored. A sealed text opens only under the same master key, for the same purpose and row. */
export interface Vault {
  /** @returns `v1.<key id>.<nonce>.<ciphertext and tag>`, base64url parts. */
  seal(text: string, purpose: VaultPurpose, rowId: string): string;
  /** @throws FAILED_PRECONDITION MASTER_KEY_CHANGED (other key), INTERNAL SEAL_BROKEN (moved or damaged) */
  open(sealed: string, purpose: VaultPurpose, rowId: string): string;
}

export type VaultPurpose =
  | 'canary'
  | 'signing-key'
  | 'device-code'
  | 'login-request'
  | 'login-result'
  | 'provider-token'
  | 'provider-access'
  | 'id-token'
  | 'token-pair'
  | 'artifact-link';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CANARY = 'master-key-canary';
const CANARY_TEXT = 'fedctl';

const keyError = (reason: string, message: string, hint: string, cause?: unknown) =>
  new AppError('FAILED_PRECONDITION', `MASTER_KEY_${reason}`, message, { hint, cause });

/**
 * A vault over a 32-byte key: AES-256-GCM, random nonce, additional data = purpose and row id, so that a sealed value can
 * be moved neither to another row nor to another column.
 */
export function createVault(masterKey: Uint8Array): Vault {
  if (masterKey.length !== KEY_BYTES) throw wrongSize();
  const key = Buffer.from(hkdfSync('sha256', masterKey, '', 'fedctl vault v1', KEY_BYTES));
  const keyId = createHmac('sha256', masterKey).update('fedctl key id').digest('hex').slice(0, 8);
  const bound = (purpose: string, rowId: string) => Buffer.from(`${purpose}\0${rowId}`);
  return {
    seal(text, purpose, rowId) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(bound(purpose, rowId));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `v1.${keyId}.${nonce.toString('base64url')}.${sealed.toString('base64url')}`;
    },
    open(sealed, purpose, rowId) {
      const { id, nonce, body } = parseSealed(sealed);
      if (id !== keyId) throw keyChanged();
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
        decipher.setAAD(bound(purpose, rowId)).setAuthTag(body.subarray(-TAG_BYTES));
        return Buffer.concat([decipher.update(body.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8');
      } catch (cause) {
        throw sealBroken(cause);
      }
    },
  };
}

function parseSealed(sealed: string): { id: string; nonce: Buffer; body: Buffer } {
  const [version, id = '', nonceText = '', bodyText = '', ...rest] = sealed.split('.');
  const nonce = Buffer.from(nonceText, 'base64url');
  const body = Buffer.from(bodyText, 'base64url');
  if (version !== 'v1' || rest.length > 0 || nonce.length !== NONCE_BYTES || body.length < TAG_BYTES)
    throw sealBroken(undefined);
  return { id, nonce, body };
}

const sealBroken = (cause: unknown) =>
  new AppError('INTERNAL', 'SEAL_BROKEN', 'A stored secret can not be opened.', { cause });

const keyChanged = (cause?: unknown) =>
  keyError(
    'CHANGED',
    'The master key is not the one that the stored data was sealed with.',
    'Put the old key file back. Without it, sessions and signing keys in this database are lost: start with a new one.',
    cause,
  );

const wrongSize = () =>
  keyError(
    'SIZE',
    'The master key file does not hold a key of 32 bytes.',
    'It holds 32 raw bytes, or those bytes as one line of base64: openssl rand -base64 32',
  );

/**
 * The vault under the key in `file`, after a sealed canary in the store has proven that it is the key that the data was
 * sealed with. At the very first start the canary is made.
 *
 * @throws FAILED_PRECONDITION MASTER_KEY_MISSING | MASTER_KEY_SIZE | MASTER_KEY_PERMISSIONS | MASTER_KEY_CHANGED
 */
export async function openVault({ file, meta }: { file: string; meta: MetaStore }): Promise<Vault> {
  const vault = createVault(await readMasterKey(file));
  const standing = await meta.initMeta(CANARY, vault.seal(CANARY_TEXT, 'canary', CANARY));
  try {
    if (vault.open(standing, 'canary', CANARY) === CANARY_TEXT) return vault;
  } catch (cause) {
    throw keyChanged(cause);
  }
  throw keyChanged();
}

/**
 * Makes a new key file (mode 0600, base64 text) and never touches an existing one.
 * @throws FAILED_PRECONDITION MASTER_KEY_EXISTS
 */
export async function createMasterKeyFile(file: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'EEXIST'
      ? keyError('EXISTS', 'There is a master key file already.', 'Keep it: it opens what is stored.', cause)
      : cause;
  });
  try {
    await handle.writeFile(`${randomBytes(KEY_BYTES).toString('base64')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readMasterKey(file: string): Promise<Buffer> {
  const handle = await open(file, 'r').catch((cause) => {
    throw keyError(
      'MISSING',
      'The master key file can not be read.',
      'Make one with `fedctl server init`, or correct `master-key-file` in the server config.',
      cause,
    );
  });
  try {
    await checkPermissions(handle);
    return decodeKey(await readAtMost(handle, 256));
  } finally {
    await handle.close();
  }
}

async function readAtMost(handle: FileHandle, limit: number): Promise<Buffer> {
  const buffer = Buffer.alloc(limit);
  const { bytesRead } = await handle.read(buffer, 0, limit, 0);
  return buffer.subarray(0, bytesRead);
}

function decodeKey(content: Buffer): Buffer {
  if (content.length === KEY_BYTES) return content;
  const text = content.toString('latin1').trim();
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) throw wrongSize();
  const key = Buffer.from(text, 'base64');
  if (key.length !== KEY_BYTES) throw wrongSize();
  return key;
}

async function checkPermissions(handle: FileHandle): Promise<void> {
  const { mode, uid } = await handle.stat();
  if (acceptableMode(mode, uid, process.getuid?.())) return;
  throw keyError(
    'PERMISSIONS',
    'The master key file can be read or written by others.',
    'chmod 600 it (a mounted secret may also be readable by its group, as 0440 is).',
  );
}

/**
 * Our own file must be private (0600, 0400). A mounted secret is prepared by somebody else, often with a group as the only
 * way in (Kubernetes `fsGroup` makes it 0440 or 0640 of another owner): there the group may read. Others never may.
 */
export function acceptableMode(mode: number, owner: number, self: number | undefined): boolean {
  if ((mode & 0o077) === 0) return true;
  const onlyGroupReads = (mode & 0o037) === 0;
  const mounted = owner !== self || (mode & 0o222) === 0;
  return onlyGroupReads && mounted;
}
