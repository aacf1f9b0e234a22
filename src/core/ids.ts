import { AppError } from './errors.ts';

/** Flower's run id: uint64. bigint in code, decimal TEXT in SQL, string in JSON. */
export type RunId = bigint;

const MAX_UINT64 = (1n << 64n) - 1n;

/** The run id that `text` spells in decimal, or undefined: no sign, no spaces, at most 2^64-1. */
export function parseRunId(text: string): RunId | undefined {
  if (!/^[0-9]{1,20}$/.test(text)) return undefined;
  const id = BigInt(text);
  return id > MAX_UINT64 ? undefined : id;
}

/** Flower's federation id, `@owner/name`. */
export const FEDERATION_ID = /^@[A-Za-z0-9_-]{1,64}\/[A-Za-z0-9_-]{1,64}$/;

/** Name of a connection: file-name safe, so that a credential file can be named after it (security.md CF-03). */
export const CONNECTION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** `text` if it is a federation id. @throws INVALID_ARGUMENT FEDERATION_ID_INVALID */
export function checkFederationId(text: string): string {
  if (FEDERATION_ID.test(text)) return text;
  throw new AppError('INVALID_ARGUMENT', 'FEDERATION_ID_INVALID', 'A federation is named @owner/name.', {
    hint: 'Use letters, digits, "_" and "-", for example @lab/default.',
  });
}
