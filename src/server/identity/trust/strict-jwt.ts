import type { JsonObject } from '../jws.ts';
import { repeatsKeys } from './json-keys.ts';

/** JWTs that others have made (RFC 7519, compact JWS): bounded before anything is parsed (security.md AT-12). */

const KiB = 1024;
/** Longest token of any kind that is looked at. */
export const MAX_TOKEN = 16 * KiB;
const MAX_HEADER = 2 * KiB;
const SHAPE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+$/;

export interface ParsedJws {
  readonly header: JsonObject;
  readonly payload: Buffer;
}

export interface ParsedJwt {
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

/** Header and claims, of which nothing is verified; undefined for what is no JWT: then it may be an opaque token. */
export function parseJwt(token: string): ParsedJwt | undefined {
  const jws = parseJws(token);
  const claims = jws && parseObject(jws.payload);
  return jws && claims && { header: jws.header, claims };
}

/** The parts of a compact JWS, spelled the one way that RFC 7515 section 2 knows; undefined for anything else. */
export function parseJws(token: string): ParsedJws | undefined {
  if (token.length > MAX_TOKEN || !SHAPE.test(token)) return undefined;
  const [headerPart = '', payloadPart = '', signaturePart = ''] = token.split('.');
  const headerBytes = decoded(headerPart);
  const payload = decoded(payloadPart);
  if (!headerBytes || !payload || !decoded(signaturePart) || headerBytes.length > MAX_HEADER) return undefined;
  const header = parseObject(headerBytes);
  return header && { header, payload };
}

/** Base64url without padding and without stray bits (RFC 7515 section 2): one text for one value. */
function decoded(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return bytes.toString('base64url') === part ? bytes : undefined;
}

function parseObject(bytes: Buffer): JsonObject | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject && !repeatsKeys(text) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
