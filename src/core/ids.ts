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

/** A federation's name alone is of `owner`, as flwr has it where one is made; anything else stays as it is. */
export function ownedFederation(name: string, owner: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? `@${owner}/${name}` : name;
}

/** Name of a connection: file-name safe, so that a credential file can be named after it (security.md CF-03). */
export const CONNECTION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** `text` if it is a federation id. @throws INVALID_ARGUMENT FEDERATION_ID_INVALID */
export function checkFederationId(text: string): string {
  if (FEDERATION_ID.test(text)) return text;
  throw new AppError('INVALID_ARGUMENT', 'FEDERATION_ID_INVALID', 'A federation is named @owner/name.', {
    hint: 'Use letters, digits, "_" and "-", for example @lab/default.',
  });
}

/** Device names of DOS that are no file names on some shared folders, and the key that is no connection. */
const RESERVED_NAME = /^(default|con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;
/** `lab.meta` and `lab.login` would write files that belong to `lab`: its binding, its settings. */
const RESERVED_ENDING = /(\.meta|\.login|\.pending-[0-9a-f]{8}|\.)$/i;

/** `text` if it can name a connection and so a credential file. @throws INVALID_ARGUMENT CONNECTION_NAME_INVALID */
export function checkConnectionName(text: string): string {
  if (CONNECTION_NAME.test(text) && !RESERVED_NAME.test(text) && !RESERVED_ENDING.test(text)) return text;
  throw new AppError(
    'INVALID_ARGUMENT',
    'CONNECTION_NAME_INVALID',
    `${JSON.stringify(text.slice(0, 80))} can't name a connection.`,
    {
      hint: 'Use 1 to 64 of the characters A-Z a-z 0-9 . _ -, starting with a letter or digit; not "default", "*.meta", "*.login" or a device name.',
    },
  );
}
