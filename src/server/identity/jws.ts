import { createHash, type KeyObject, sign, verify } from 'node:crypto';

/** Compact JWS (RFC 7515) of our own making: strict about everything that our signer never does. */

const MAX_TOKEN = 4096;
const MAX_HEADER = 1024;
/** Two parts of base64url and an ES256 signature (64 bytes). */
const SHAPE = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})$/;

export type JsonObject = Readonly<Record<string, unknown>>;

export interface Compact {
  readonly header: JsonObject;
  readonly payload: JsonObject;
  readonly input: string;
  readonly signature: Buffer;
}

/** Signs with ES256 (RFC 7518 section 3.4). */
export function signCompact(header: JsonObject, payload: JsonObject, key: KeyObject): string {
  const input = `${encode(header)}.${encode(payload)}`;
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

export function verifyCompact({ input, signature }: Compact, key: KeyObject): boolean {
  return verify('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** The parts, or undefined where the text isn't exactly what {@link signCompact} writes (security.md AT-12). */
export function parseCompact(token: string): Compact | undefined {
  if (token.length > MAX_TOKEN) return undefined;
  const match = SHAPE.exec(token);
  if (!match) return undefined;
  const [, headerPart = '', payloadPart = '', signaturePart = ''] = match;
  if (headerPart.length > MAX_HEADER) return undefined;
  const header = decode(headerPart);
  const payload = decode(payloadPart);
  const signature = Buffer.from(signaturePart, 'base64url');
  if (!header || !payload || signature.toString('base64url') !== signaturePart) return undefined;
  return { header, payload, input: `${headerPart}.${payloadPart}`, signature };
}

const encode = (value: JsonObject) => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * One JSON object in canonical form: text, parsed and printed again, must be the same text. That refuses duplicate keys,
 * other spellings of numbers, invalid UTF-8 and unused base64url bits in one comparison.
 */
function decode(part: string): JsonObject | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return encode(value as JsonObject) === part ? (value as JsonObject) : undefined;
}

/** RFC 7638 thumbprint of an EC public key: the key id. */
export function thumbprint(jwk: { crv?: string; x?: string; y?: string }): string {
  const canonical = JSON.stringify({ crv: jwk.crv, kty: 'EC', x: jwk.x, y: jwk.y });
  return createHash('sha256').update(canonical).digest('base64url');
}
