import type { IncomingMessage } from 'node:http';
import type { FlowerFailure } from './control.ts';
import { flowerFailure } from './failure.ts';
import { httpFailure } from './http-errors.ts';
import { readWhole } from './http-exchange.ts';

const KiB = 1024;
const MAX_ERROR_BYTES = 64 * KiB;

/** Lets a 200 of this media type through. @throws FlowerFailure for every other answer */
export async function expectMedia(
  response: IncomingMessage,
  media: string,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  if (response.statusCode !== 200) throw await failureOf(response, signal);
  const type = response.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type === media) return response;
  response.destroy();
  throw flowerFailure({ kind: 'invalid', cause: new Error(`the answer is ${type ?? 'untyped'}`) });
}

/** The failure that an answer other than 200 tells. @throws FlowerFailure where even that breaks off */
export async function failureOf(response: IncomingMessage, signal: AbortSignal | undefined): Promise<FlowerFailure> {
  try {
    const body = await readWhole(response, signal, MAX_ERROR_BYTES);
    return httpFailure(response.statusCode ?? 0, body.toString('utf8'));
  } finally {
    response.destroy();
  }
}

/** A body that ends with its connection can't be told from one that was cut. */
export function hasMarkedEnd({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || /\bchunked\b/i.test(headers['transfer-encoding'] ?? '');
}

/** The one challenge after which a token may be renewed (flower/facts section 2). */
export function asksForBearer({ headers }: IncomingMessage): boolean {
  return /^Bearer\b/i.test(headers['www-authenticate'] ?? '');
}
