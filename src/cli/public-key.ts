import { createPublicKey, type KeyObject } from 'node:crypto';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AppError } from '../core/errors.ts';

const KiB = 1024;
const MAX_BYTES = 16 * KiB;

/** Names of NIST curves as OpenSSH and JWK have them. */
const SSH_CURVES: Readonly<Record<string, string>> = { nistp256: 'P-256', nistp384: 'P-384', nistp521: 'P-521' };
/** As OpenSSL has them. */
const CURVES: readonly string[] = ['prime256v1', 'secp384r1', 'secp521r1'];

const HOW = 'Make one with: ssh-keygen -t ecdsa -b 384 -N "" -f supernode-key';

/**
 * The public key of a SuperNode from an OpenSSH line or a PEM file, as PEM (SubjectPublicKeyInfo).
 * @throws FAILED_PRECONDITION NODE_KEY_UNREADABLE; INVALID_ARGUMENT NODE_KEY_PRIVATE, NODE_KEY_INVALID
 */
export async function readPublicKey(path: string, cwd: string): Promise<Buffer> {
  const text = await readKeyFile(resolve(cwd, path), path);
  if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text)) {
    throw new AppError(
      'INVALID_ARGUMENT',
      'NODE_KEY_PRIVATE',
      `${path} is a private key, which never leaves its SuperNode.`,
      {
        hint: `Name the public key that belongs to it: most likely ${path}.pub`,
      },
    );
  }
  const key = text.includes('-----BEGIN') ? pemKey(text) : sshKey(text);
  if (key === undefined) throw invalid(`${path} holds no public key, neither of OpenSSH nor PEM.`);
  const curve = key.asymmetricKeyDetails?.namedCurve ?? '';
  if (key.asymmetricKeyType !== 'ec' || !CURVES.includes(curve)) {
    throw invalid(`${path} is no key on a NIST curve: SuperNodes have P-256, P-384 or P-521.`);
  }
  return Buffer.from(key.export({ type: 'spki', format: 'pem' }));
}

function invalid(text: string): AppError {
  return new AppError('INVALID_ARGUMENT', 'NODE_KEY_INVALID', text, { hint: HOW });
}

async function readKeyFile(file: string, path: string): Promise<string> {
  try {
    await using handle = await open(file, 'r');
    if (!(await handle.stat()).isFile()) throw new TypeError('no file');
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const text = `${path} ${missing ? "doesn't exist" : "can't be read"}.`;
    throw new AppError('FAILED_PRECONDITION', 'NODE_KEY_UNREADABLE', text, { hint: HOW, cause: error });
  }
}

function pemKey(text: string): KeyObject | undefined {
  if (!/-----BEGIN PUBLIC KEY-----/.test(text)) return undefined;
  return keyOrNone(() => createPublicKey({ key: text, format: 'pem' }));
}

/** `TYPE BASE64 COMMENT` (RFC 4253 section 6.6; elliptic curves: RFC 5656 section 3.1). Of other types only that they are none of ours. */
function sshKey(text: string): KeyObject | undefined {
  const [, type = '', base64 = ''] = /^\s*([a-z0-9@.-]+) ([A-Za-z0-9+/=]+)(?:\s|$)/.exec(text) ?? [];
  const name = /^ecdsa-sha2-(nistp[0-9]{3})$/.exec(type)?.[1] ?? '';
  const fields = sshFields(Buffer.from(base64, 'base64'));
  const [told, curve, point] = fields;
  const crv = SSH_CURVES[name];
  if (/^(ssh-|sk-|ecdsa-)/.test(type) && crv === undefined) throw invalid(`A ${type} key is none for a SuperNode.`);
  if (crv === undefined || point === undefined || told?.toString() !== type || curve?.toString() !== name) {
    return undefined;
  }
  // Uncompressed point: 04, x, y.
  const size = (point.length - 1) / 2;
  if (point[0] !== 4 || !Number.isInteger(size)) return undefined;
  const coordinate = (start: number) => point.subarray(start, start + size).toString('base64url');
  const key = { kty: 'EC', crv, x: coordinate(1), y: coordinate(1 + size) };
  return keyOrNone(() => createPublicKey({ key, format: 'jwk' }));
}

/** Length-prefixed strings, one after the other; none where they don't fill the data. */
function sshFields(data: Buffer): readonly Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at < data.length; ) {
    if (at + 4 > data.length) return [];
    const end = at + 4 + data.readUInt32BE(at);
    if (end > data.length) return [];
    fields.push(data.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

function keyOrNone(make: () => KeyObject): KeyObject | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
