import type { ErrorCode } from '../core/errors.ts';
import { plainText } from '../core/text.ts';
import type { FlowerFailure, FlowerFailureKind } from './control.ts';

export interface FailureParts {
  readonly kind: FlowerFailureKind;
  readonly code?: ErrorCode | undefined;
  readonly flowerCode?: number | undefined;
  /** Of the server; control characters are taken out here. */
  readonly text?: string;
  /** For the log. */
  readonly cause?: unknown;
}

/** Makes the one error of this folder. Its `message` is for logs; `text` is for people. */
export function flowerFailure({ kind, code, flowerCode, text = '', cause }: FailureParts): FlowerFailure {
  const plain = plainText(text);
  const what = [kind, code, flowerCode !== undefined && `code ${flowerCode}`, plain].filter(Boolean).join(', ');
  const error = new Error(`SuperLink call failed: ${what}`, cause === undefined ? undefined : { cause });
  return Object.assign(error, { name: 'FlowerFailure' as const, kind, code, flowerCode, text: plain });
}

/** True for a {@link FlowerFailure} of any copy of this module. */
export function isFlowerFailure(error: unknown): error is FlowerFailure {
  return typeof error === 'object' && error !== null && (error as { name?: unknown }).name === 'FlowerFailure';
}

/** What a server of Flower says where it fails: a number of its own and two sentences. */
export interface FlowerSaid {
  readonly flowerCode: number | undefined;
  readonly text: string;
}

/**
 * Reads an error body: JSON in two spellings (flower/facts 1.2 and 1.3). Undefined where it is none,
 * so that nothing of a foreign page reaches a person.
 */
export function readFlowerError(body: string): FlowerSaid | undefined {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const { code, detail, extra, public_message, public_details } = json as Record<string, unknown>;
  const parts = [detail ?? public_message, extra ?? public_details].filter((part) => typeof part === 'string');
  if (parts.length === 0) return undefined;
  return { flowerCode: Number.isInteger(code) ? (code as number) : undefined, text: parts.join(' ') };
}
