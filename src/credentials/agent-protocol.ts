/**
 * What the agent and its clients say to each other over a Unix socket. A frame is two 32-bit lengths (big endian), a header
 * (JSON, UTF-8) and a payload (bytes). Secrets are payloads, never in a header: so they never become strings in the agent,
 * and can be wiped.
 */
export const PROTOCOL_VERSION = 1;
export const MAX_HEADER_BYTES = 16 * 1024;
export const MAX_PAYLOAD_BYTES = 64 * 1024;
/** How long an answer, and the rest of a frame that has begun, may take: more than a machine at its limit needs. */
export const FRAME_DEADLINE_MS = 5_000;

const PREFIX_BYTES = 8;

/** What an entry is: a key that opens stored logins, or a login itself. */
export type EntryKind = 'key' | 'login';

/** What is told of an entry; no secret. */
export interface EntryFacts {
  readonly id: string;
  readonly kind: EntryKind;
  /** Path of the credential file, `host:port`, and whose login it is: for people. */
  readonly file: string;
  readonly server: string;
  readonly account: string;
}

export interface ListedEntry extends EntryFacts {
  /** Milliseconds until it is forgotten; absent = until the agent ends. */
  readonly leftMs?: number;
}

export type AgentRequest =
  | { readonly op: 'list' }
  | { readonly op: 'get'; readonly id: string }
  /** The payload is the secret. Without `lifetimeMs` the agent's own default counts. */
  | ({ readonly op: 'put'; readonly lifetimeMs?: number } & EntryFacts)
  /** One entry, or all. */
  | { readonly op: 'remove'; readonly id?: string }
  | { readonly op: 'lifetime'; readonly lifetimeMs: number; readonly id?: string }
  /** The payload is the passphrase. */
  | { readonly op: 'lock' }
  | { readonly op: 'unlock' }
  | { readonly op: 'kill' };

export interface AgentAnswer {
  readonly v: number;
  readonly ok: boolean;
  /** Why not, as in docs/errors.md. */
  readonly reason?: string;
  readonly locked?: boolean;
  readonly pid?: number;
  readonly entries?: readonly ListedEntry[];
  /** How many entries it was about. */
  readonly count?: number;
  /** `get`: there is such an entry, the payload is its secret. */
  readonly found?: boolean;
  readonly leftMs?: number;
}

export interface Frame {
  readonly header: Record<string, unknown>;
  /** A copy of its own, to be wiped by whoever takes it. */
  readonly payload: Buffer;
}

/** One frame, ready to send. @throws RangeError where header or payload are over their caps */
export function encodeFrame(header: object, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  if (text.length > MAX_HEADER_BYTES || payload.length > MAX_PAYLOAD_BYTES) throw new RangeError('frame too large');
  const frame = fixedBuffer(PREFIX_BYTES + text.length + payload.length);
  frame.writeUInt32BE(text.length, 0);
  frame.writeUInt32BE(payload.length, 4);
  text.copy(frame, PREFIX_BYTES);
  frame.set(payload, PREFIX_BYTES + text.length);
  return frame;
}

/** Memory that V8 does not move: it keeps small buffers in its heap and copies them as it likes. */
export function fixedBuffer(size: number): Buffer<ArrayBuffer> {
  return Buffer.from(new ArrayBuffer(size));
}

export interface FrameReader {
  /** Takes bytes as they come, wipes them, and gives the frames that are whole. @throws Error for what is no frame */
  push(chunk: Buffer): readonly Frame[];
  /** Wipes what has come. */
  wipe(): void;
}

export function createFrameReader(): FrameReader {
  let held = fixedBuffer(0);
  return {
    push(chunk) {
      const joined = fixedBuffer(held.length + chunk.length);
      held.copy(joined);
      chunk.copy(joined, held.length);
      held.fill(0);
      chunk.fill(0);
      held = joined;
      const frames: Frame[] = [];
      for (let frame = takeFrame(held); frame; frame = takeFrame(held)) {
        frames.push(frame);
        const rest = fixedBuffer(held.length - frame.length);
        held.copy(rest, 0, frame.length);
        held.fill(0);
        held = rest;
      }
      return frames;
    },
    wipe: () => void held.fill(0),
  };
}

function takeFrame(held: Buffer): (Frame & { readonly length: number }) | undefined {
  if (held.length < PREFIX_BYTES) return undefined;
  const [headerBytes, payloadBytes] = [held.readUInt32BE(0), held.readUInt32BE(4)];
  if (headerBytes > MAX_HEADER_BYTES || payloadBytes > MAX_PAYLOAD_BYTES) throw new Error('frame too large');
  const end = PREFIX_BYTES + headerBytes;
  const length = end + payloadBytes;
  if (held.length < length) return undefined;
  const header: unknown = JSON.parse(held.toString('utf8', PREFIX_BYTES, end));
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw new Error('no header');
  const payload = fixedBuffer(payloadBytes);
  held.copy(payload, 0, end, length);
  return { header: header as Record<string, unknown>, payload, length };
}
