import { flowerFailure } from './failure.ts';

const HEADER_BYTES = 4;
const MiB = 1024 * 1024;
/** A whole log comes as one message (flower/facts section 6). */
export const MAX_MESSAGE_BYTES = 256 * MiB;

/**
 * Flower's stream over HTTP: each message behind its length, 4 bytes, big-endian (flower/facts section 7).
 * Holds one frame at most. @throws FlowerFailure 'unavailable' for a cut frame, 'invalid' for one that is too large
 */
export async function* readFrames(
  body: AsyncIterable<Buffer>,
  maxBytes: number = MAX_MESSAGE_BYTES,
): AsyncIterable<Buffer> {
  let held: Buffer[] = [];
  let size = 0;
  let wanted: number | undefined;
  for await (const chunk of body) {
    held.push(chunk);
    size += chunk.length;
    while (size >= (wanted ?? HEADER_BYTES)) {
      // Joined when a frame is whole, and never where there is one piece: neither large nor many frames cost more than their bytes.
      const joined = held.length === 1 ? (held[0] as Buffer) : Buffer.concat(held);
      const end = wanted ?? HEADER_BYTES;
      const part = joined.subarray(0, end);
      held = [joined.subarray(end)];
      size -= end;
      if (wanted === undefined) wanted = lengthOf(part, maxBytes);
      else {
        wanted = undefined;
        yield part;
      }
    }
  }
  if (size > 0 || wanted !== undefined) {
    throw flowerFailure({ kind: 'unavailable', code: 'UNAVAILABLE', cause: new Error('the stream ended in a frame') });
  }
}

function lengthOf(header: Buffer, maxBytes: number): number {
  const length = header.readUInt32BE(0);
  if (length <= maxBytes) return length;
  throw flowerFailure({ kind: 'invalid', cause: new Error(`a frame of ${length} bytes`) });
}
