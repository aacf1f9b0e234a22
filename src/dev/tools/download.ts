import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EnvHttpProxyAgent, fetch } from 'undici';
import { AppError } from '../../core/errors.ts';

const MAX_BYTES = 200 * 1024 * 1024;
const MAX_CHECKSUMS = 256 * 1024;

/**
 * Streams the archive `name` of the release folder `base` into `file`, and compares it with that folder's `checksums.txt`.
 * Goes through the proxy that HTTPS_PROXY names.
 * @throws UNAVAILABLE TOOL_UNREACHABLE; FAILED_PRECONDITION TOOL_CHECKSUM_MISMATCH: what came is not the release
 */
export async function downloadChecked(options: {
  base: URL;
  name: string;
  file: string;
  signal?: AbortSignal;
}): Promise<void> {
  const abort = options.signal ? { signal: options.signal } : {};
  const dispatcher = new EnvHttpProxyAgent({ connect: { timeout: 5000 } });
  const get = async (name: string): Promise<Readable> => {
    const url = new URL(name, options.base);
    const response = await fetch(url, { dispatcher, ...abort }).catch((cause) => {
      options.signal?.throwIfAborted();
      throw unreachable(url, cause);
    });
    if (!response.ok || !response.body) throw unreachable(url, response.status);
    return Readable.fromWeb(response.body);
  };
  try {
    const expected = findChecksum(await readText(await get('checksums.txt')), options.name);
    const hash = createHash('sha256');
    const body = await get(options.name);
    await pipeline(body, limitAndHash(hash), createWriteStream(options.file, { mode: 0o600 })).catch((cause) => {
      throw unreachable(new URL(options.name, options.base), cause);
    });
    if (expected === undefined || hash.digest('hex') !== expected) {
      const text = `${options.name} from ${options.base.host} does not match that release's checksums.txt; it was not used.`;
      throw new AppError('FAILED_PRECONDITION', 'TOOL_CHECKSUM_MISMATCH', text, {
        hint: 'Something on the way changes downloads, or the mirror is broken.',
      });
    }
  } finally {
    await dispatcher.destroy();
  }
}

/** The SHA-256 in hex of `name`, from lines of "HASH  NAME". */
export function findChecksum(checksums: string, name: string): string | undefined {
  for (const line of checksums.split('\n')) {
    const [hash, file] = line.trim().split(/\s+/);
    if (file?.replace(/^\*/, '') === name && /^[0-9a-f]{64}$/i.test(hash ?? '')) return hash?.toLowerCase();
  }
  return undefined;
}

function limitAndHash(hash: { update(chunk: Buffer): unknown }): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      hash.update(chunk);
      if (size > MAX_BYTES) done(new Error(`more than ${MAX_BYTES} bytes`));
      else done(null, chunk);
    },
  });
}

async function readText(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += String(Buffer.from(chunk as Uint8Array));
    if (text.length > MAX_CHECKSUMS) break;
  }
  return text;
}

function unreachable(url: URL, cause: unknown): AppError {
  return new AppError(
    'UNAVAILABLE',
    'TOOL_UNREACHABLE',
    `${url.host} can't be reached for ${url.pathname.split('/').at(-1)}.`,
    {
      cause,
    },
  );
}
