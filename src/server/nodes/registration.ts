import { createPublicKey, type KeyObject } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import { plainText } from '../../core/text.ts';

/** What an SSH client makes of P-256, P-384 and P-521, as OpenSSL calls them; Flower takes no other kind (flower/facts section 6). */
const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const MAX_KEY_BYTES = 4096;
const MAX_NAME = 100;

/** One block, and a public key: a private one would be taken, too, and end up with the engine. */
const ONE_PUBLIC_KEY = /^\s*-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*$/;

/**
 * A SuperNode's key as Python writes it: PEM, SubjectPublicKeyInfo, named curve, uncompressed point. SuperLinks compare
 * these bytes with those of the SuperNode, so that another spelling of the same key would lock it out.
 * @throws FAILED_PRECONDITION NODE_KEY_INVALID
 */
export function checkPublicKey(pem: Uint8Array): Uint8Array {
  const text = pem.length <= MAX_KEY_BYTES ? Buffer.from(pem).toString('latin1') : '';
  const key = ONE_PUBLIC_KEY.test(text) ? readKey(text) : undefined;
  if (key?.asymmetricKeyType !== 'ec' || !CURVES.has(key.asymmetricKeyDetails?.namedCurve ?? '')) throw keyInvalid();
  const uncompressed = createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' });
  return Buffer.from(uncompressed.export({ type: 'spki', format: 'pem' }));
}

function readKey(text: string): KeyObject | undefined {
  try {
    return createPublicKey({ key: text, format: 'pem', type: 'spki' });
  } catch {
    return undefined;
  }
}

function keyInvalid(): AppError {
  return new AppError('FAILED_PRECONDITION', 'NODE_KEY_INVALID', 'The provided public key is not valid.', {
    hint: 'A SuperNode has an elliptic-curve key on P-256, P-384 or P-521: ssh-keygen -t ecdsa -b 384',
  });
}

/** @throws INVALID_ARGUMENT NODE_NAME_INVALID */
export function checkName(name: string): string {
  if (name.length <= MAX_NAME && plainText(name) === name) return name;
  throw new AppError(
    'INVALID_ARGUMENT',
    'NODE_NAME_INVALID',
    `A SuperNode's name is one line of at most ${MAX_NAME} characters.`,
  );
}

const LOCATION = /^(-?\d{1,2}(?:\.\d{1,12})?), ?(-?\d{1,3}(?:\.\d{1,12})?)$/;

/** "latitude,longitude" in degrees, or "". @throws INVALID_ARGUMENT NODE_LOCATION_INVALID */
export function checkLocation(location: string): string {
  if (location === '') return '';
  const [, latitude = '', longitude = ''] = LOCATION.exec(location.trim()) ?? [];
  if (latitude !== '' && Math.abs(Number(latitude)) <= 90 && Math.abs(Number(longitude)) <= 180) {
    return `${latitude},${longitude}`;
  }
  throw new AppError('INVALID_ARGUMENT', 'NODE_LOCATION_INVALID', "A SuperNode's location is LATITUDE,LONGITUDE.", {
    hint: 'In degrees, for example 48.137,11.575',
  });
}
