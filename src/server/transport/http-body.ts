import type { IncomingMessage } from 'node:http';

/** A body is larger than its reader takes. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/** The whole body. @throws BodyTooLarge as soon as it is, ECONNRESET when the sender hangs up */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw new BodyTooLarge();
  const pieces: Buffer[] = [];
  let size = 0;
  // The default would destroy the connection with the iterator, and with it the answer.
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    size += (piece as Buffer).length;
    if (size > maxBytes) throw new BodyTooLarge();
    pieces.push(piece as Buffer);
  }
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
}

/**
 * Takes what is still to come of a body that nobody wants, and forgets it: a client that is still sending reads its answer
 * only afterwards, and a connection closed under it would take the answer along. Beyond `maxBytes` it is cut all the same.
 */
export function discardBody(request: IncomingMessage, maxBytes: number): void {
  if (request.complete && request.readableLength === 0) return void request.resume();
  let left = maxBytes;
  request.on('data', (piece: Buffer) => {
    left -= piece.length;
    if (left < 0) request.socket.destroy();
  });
  request.resume();
}

/** How fast the sender of a body has to be (security.md T-28). */
export interface PaceOptions {
  /** From the first byte; and the longest pause (ms). */
  readonly graceMs: number;
  /** Bytes per second after that, on average: a slow line passes, a byte now and then does not. */
  readonly bytesPerSecond: number;
}

export interface Pace {
  /** Cuts the connection of a request whose body comes too slowly. */
  watch(request: IncomingMessage, now?: number): void;
  /** Looks at all of them; called about once a second. */
  check(now: number): void;
}

interface Sender {
  readonly since: number;
  readonly base: number;
  seen: number;
  seenAt: number;
}

export function createPace({ graceMs, bytesPerSecond }: PaceOptions): Pace {
  const senders = new Map<IncomingMessage, Sender>();
  return {
    watch(request, now = performance.now()) {
      const base = request.socket.bytesRead;
      senders.set(request, { since: now, base, seen: base, seenAt: now });
      const forget = () => senders.delete(request);
      request.once('end', forget).once('close', forget);
    },
    check(now) {
      for (const [request, sender] of senders) {
        if (request.complete) senders.delete(request);
        else if (isSlow(request.socket.bytesRead, sender, now)) request.socket.destroy();
      }
    },
  };

  function isSlow(bytes: number, sender: Sender, now: number): boolean {
    if (bytes > sender.seen) [sender.seen, sender.seenAt] = [bytes, now];
    const allowed = graceMs + ((bytes - sender.base) / bytesPerSecond) * 1000;
    return now - sender.seenAt > graceMs || now - sender.since > allowed;
  }
}
