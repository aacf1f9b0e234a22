import { isNativeError } from 'node:util/types';
import { CUT, cutSecrets } from '../../core/secret-text.ts';

/** Names of fields whose values are never shown, at any depth. */
const SECRET_NAME =
  /token|secret|passw|authorization|cookie|flwr-oidc|credential|assertion|private|^key$|master-?key|api-?key|device.?code|^handle$|jwk|sealed|bundle$|^content$/i;

/** Names that look like the above and are harmless. */
const HARMLESS_NAME = /^(token_?type|tokenfile|secretfile|bundlesha256|keyid)$/i;

const MAX_DEPTH = 6;
const MAX_ITEMS = 100;
/** Of one record in all, so that a circular value stays cheap. */
const MAX_VALUES = 1000;
const MAX_TEXT = 4096;
const MAX_CAUSES = 5;

/** `value` as plain data that may be logged: secrets cut, errors without payloads, sizes bounded (security.md T-05, SEC-01). */
export function redact(value: unknown): unknown {
  return redactValue(value, 0, { left: MAX_VALUES });
}

function redactValue(value: unknown, depth: number, budget: { left: number }): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (isNativeError(value)) return redactError(value);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  budget.left -= 1;
  if (depth >= MAX_DEPTH || budget.left < 0) return '[more]';
  if (hasOwnJson(value)) return redactValue(value.toJSON(), depth + 1, budget);
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => redactValue(item, depth + 1, budget));
  if (value instanceof Map) return redactFields(Object.fromEntries(value), depth, budget);
  if (value instanceof Set) return redactValue([...value], depth + 1, budget);
  return redactFields(value, depth, budget);
}

/** `text` without what looks like a secret, at most 4096 characters. */
export function redactText(text: string): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text;
  return cutSecrets(short);
}

function redactFields(value: object, depth: number, budget: { left: number }): object {
  const fields = Object.entries(value).slice(0, MAX_ITEMS);
  return Object.fromEntries(
    fields.map(([name, field]) => [
      name,
      isSecretName(name) && isContent(field) ? CUT : redactValue(field, depth + 1, budget),
    ]),
  );
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !HARMLESS_NAME.test(name);
}

/** Counts and flags ("tokens": 3) tell nothing. */
function isContent(field: unknown): boolean {
  return field !== undefined && field !== null && typeof field !== 'number' && typeof field !== 'boolean';
}

function hasOwnJson(value: object): value is { toJSON(): unknown } {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function';
}

/** Name, texts, code and causes. Other fields are dropped: libraries hang requests and answers there. */
function redactError(error: Error, causes = 0): object {
  const { code, reason, cause } = error as Error & { code?: unknown; reason?: unknown };
  const stack = typeof error.stack === 'string' ? redactText(error.stack) : undefined;
  return {
    type: error.name,
    message: redactText(String(error.message)),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(typeof reason === 'string' && { reason: redactText(reason) }),
    ...(stack && { stack }),
    ...(typeof cause === 'object' && cause !== null && isNativeError(cause) && causes < MAX_CAUSES
      ? { cause: redactError(cause, causes + 1) }
      : {}),
  };
}
