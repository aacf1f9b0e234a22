import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { fixedBuffer } from '../credentials/agent-protocol.ts';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** 32 MiB and about a tenth of a second: RFC 7914's parameters, doubled. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/** AES-256-GCM, with what it is about as associated data. */
export interface Sealed {
  readonly nonce: Buffer;
  readonly data: Buffer;
  readonly tag: Buffer;
}

/** The key that a passphrase stands for. */
export function deriveKey(passphrase: Buffer, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, KEY_BYTES, COST, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

export function sealUnder(key: Buffer, plain: Buffer, about: string): Sealed {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(about));
  const data = Buffer.concat([cipher.update(plain), cipher.final()]);
  return { nonce, data, tag: cipher.getAuthTag() };
}

/** @throws Error where the key, the data or what it is about is another */
export function openWith(key: Buffer, { nonce, data, tag }: Sealed, about: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(about));
  decipher.setAuthTag(tag);
  const first = decipher.update(data);
  const last = decipher.final();
  const plain = fixedBuffer(first.length + last.length);
  first.copy(plain);
  last.copy(plain, first.length);
  first.fill(0);
  return plain;
}
