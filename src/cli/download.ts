import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError, isAppError } from '../core/errors.ts';
import type { Context } from './context.ts';
import { byteSize, progressOn } from './progress.ts';

const SILENCE_MS = 60_000;
const MAX_REDIRECTS = 3;

export interface Download {
  /** https. A secret: whoever has it can fetch the file. */
  readonly url: string;
  /** PEM; undefined = the system's roots. */
  readonly rootCertificates: Uint8Array | undefined;
  /** Absolute. */
  readonly path: string;
  /** Replace a file that stands there. */
  readonly overwrite: boolean;
}

export interface Downloaded {
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** The file that `--output` means: itself, or `name` in it where it is a folder. */
export async function outputPath(output: string, name: string, cwd: string): Promise<string> {
  const path = resolve(cwd, output);
  const isFolder = output.endsWith('/') || (await stat(path).catch(() => undefined))?.isDirectory() === true;
  return isFolder ? join(path, name) : path;
}

/**
 * Fetches a file: whole or not at all, and from the server that the URL names only.
 * @throws FAILED_PRECONDITION OUTPUT_EXISTS, OUTPUT_NOT_WRITTEN; UNAVAILABLE DOWNLOAD_FAILED; NOT_FOUND DOWNLOAD_GONE;
 *   INTERNAL DOWNLOAD_REFUSED
 */
export async function download(context: Context, wanted: Download): Promise<Downloaded> {
  const { path } = wanted;
  if (!wanted.overwrite && (await stat(path).catch(() => undefined)) !== undefined) {
    throw new AppError('FAILED_PRECONDITION', 'OUTPUT_EXISTS', `${path} exists already.`, {
      hint: 'Name another file with --output, or replace it with --force.',
    });
  }
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.part`);
  const file = await writing(path, () => open(temporary, 'wx', 0o600));
  try {
    const done = await receive(context, await request(context, wanted), { file, path });
    await writing(path, async () => {
      await file.sync();
      await file.chmod(0o666 & ~process.umask());
      await rename(temporary, path);
    });
    return done;
  } finally {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
  }
}

interface Answer {
  readonly response: IncomingMessage;
  readonly host: string;
}

async function request(context: Context, { url, rootCertificates }: Download): Promise<Answer> {
  const first = checkedUrl(url);
  let next = first;
  for (let redirects = 0; ; redirects += 1) {
    const response = await fetchOnce(context, next, rootCertificates);
    const { statusCode: status = 0, headers } = response;
    if (status === 200) return { response, host: next.host };
    response.destroy();
    if (status < 300 || status > 399) throw refusedWith(status, next);
    const target = URL.parse(headers.location ?? '', next.href);
    if (target?.origin !== first.origin || redirects === MAX_REDIRECTS) throw refusedRedirect(first, target);
    next = target;
  }
}

function checkedUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === 'https:' && url.username === '' && url.password === '') return url;
  throw new AppError('INTERNAL', 'DOWNLOAD_REFUSED', 'The server named no https address for the files.', {
    hint: 'The operator sets server.public-url.',
  });
}

function refusedRedirect(from: URL, to: URL | null): AppError {
  const where = to === null ? 'nowhere' : to.host;
  const text = `${from.host} sends the download on to ${where}, which is not followed.`;
  return new AppError('INTERNAL', 'DOWNLOAD_REFUSED', text, { hint: 'Without --output the URL is printed.' });
}

function refusedWith(status: number, { host }: URL): AppError {
  if ([401, 403, 404, 410].includes(status)) {
    const text = `${host} does not give out these files (HTTP ${status}).`;
    return new AppError('NOT_FOUND', 'DOWNLOAD_GONE', text, { hint: 'Run the command again for a new URL.' });
  }
  return new AppError('UNAVAILABLE', 'DOWNLOAD_FAILED', `${host} answered with HTTP ${status}.`, {
    hint: 'Try again later.',
  });
}

function fetchOnce({ signal, program }: Context, url: URL, roots: Uint8Array | undefined): Promise<IncomingMessage> {
  const options = {
    ...(roots === undefined ? {} : { ca: Buffer.from(roots) }),
    signal,
    agent: false as const,
    headers: { 'user-agent': program.replace(' ', '/'), 'accept-encoding': 'identity' },
  };
  return new Promise((answer, fail) => {
    const sent = get(url, options, answer);
    sent.setTimeout(SILENCE_MS, () => sent.destroy(new Error('no data for a minute')));
    sent.once('error', (error) => fail(broken(url.host, error)));
  });
}

/** Errors of Node hold addresses and codes, never the URL itself. */
function broken(host: string, cause: unknown): AppError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const text = `The download from ${host} failed: ${code ?? message}.`;
  return new AppError('UNAVAILABLE', 'DOWNLOAD_FAILED', text, { hint: 'Try again; nothing was written.', cause });
}

async function receive(
  context: Context,
  { response, host }: Answer,
  { file, path }: { file: FileHandle; path: string },
): Promise<Downloaded> {
  const progress = progressOn(context.stdio);
  const total = Number(response.headers['content-length'] ?? Number.NaN);
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      hash.update(chunk);
      progress.show(`Received ${byteSize(size)}${Number.isNaN(total) ? '' : ` of ${byteSize(total)}`}`);
      await writing(path, () => file.writeFile(chunk));
    }
  } catch (error) {
    throw isAppError(error) ? error : broken(host, error);
  } finally {
    progress.clear();
  }
  if (!Number.isNaN(total) && size !== total) throw broken(host, new Error(`${size} of ${total} bytes came`));
  return { size, sha256: hash.digest('hex') };
}

async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw notWritten(error, path);
  }
}

function notWritten(error: unknown, path: string): AppError {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  return new AppError('FAILED_PRECONDITION', 'OUTPUT_NOT_WRITTEN', `${path} can't be written (${code}).`, {
    cause: error,
  });
}
