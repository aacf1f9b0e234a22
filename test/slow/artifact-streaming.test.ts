import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, readdirSync, readlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type ArtifactServer, startArtifactServer } from '../support/artifact-server.ts';
import { until } from '../support/until.ts';
import { unzip } from '../support/unzip.ts';

const MiB = 1024 ** 2;

let server: ArtifactServer;

beforeEach(async () => {
  server = await startArtifactServer();
  mkdirSync(server.folder, { recursive: true });
});
afterEach(() => server.stop());

/** A file without blocks on the disk. */
const sparse = (name: string, bytes: number) => {
  writeFileSync(join(server.folder, name), '');
  truncateSync(join(server.folder, name), bytes);
};
/** Files of the run that this process has open. */
const openFiles = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(server.folder);
    } catch {
      return false;
    }
  });

describe('while files are sent', () => {
  test('T-31: one of 512 MiB takes no memory to speak of, and arrives whole', async () => {
    sparse('big', 512 * MiB);
    const response = await server.begin(await server.link());
    const before = process.memoryUsage().rss;
    let [most, size] = [0, 0];
    for await (const piece of response) {
      size += (piece as Buffer).length;
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    expect(size).toBe(Number(response.headers['content-length']));
    expect(size).toBeGreaterThan(512 * MiB);
    expect(most / MiB).toBeLessThan(150);
  }, 240_000);

  test('T-31: nothing is read for a client that does not read', async () => {
    sparse('big', 1024 * MiB);
    const before = process.memoryUsage().rss;
    const response = await server.begin(await server.link());
    await until(() => openFiles().length > 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((process.memoryUsage().rss - before) / MiB).toBeLessThan(100);
    response.destroy();
    await until(() => openFiles().length === 0);
  });

  test('a client that hangs up leaves nothing open, and its place is free again', async () => {
    sparse('big', 1024 * MiB);
    const url = await server.link();
    // Two at a time for one account.
    for (let turn = 0; turn < 5; turn += 1) {
      const response = await server.begin(url);
      expect(response.statusCode).toBe(200);
      await once(response, 'readable');
      response.destroy();
      await until(() => openFiles().length === 0);
    }
  });

  test('T-30: downloads at a time are bounded for an account', async () => {
    sparse('big', 1024 * MiB);
    const url = await server.link();
    const held = [await server.begin(url), await server.begin(url)];
    expect(held.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    expect(await server.get(url)).toMatchObject({ status: 429, headers: { 'retry-after': '30' } });
    expect(server.audit.at(-1)).toMatchObject({ reason: 'TOO_MANY_DOWNLOADS' });
    for (const response of held) response.destroy();
    await until(async () => {
      const response = await server.begin(url);
      response.destroy();
      return response.statusCode === 200;
    });
  });

  test('a file that grows ends where it ended at first', async () => {
    writeFileSync(join(server.folder, 'a'), Buffer.alloc(32 * MiB, 'a'));
    writeFileSync(join(server.folder, 'b'), 'b');
    const response = await server.begin(await server.link());
    await once(response, 'readable');
    appendFileSync(join(server.folder, 'a'), 'and more');
    appendFileSync(join(server.folder, 'b'), 'and more');
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece as Buffer);
    const files = await unzip(Buffer.concat(pieces));
    const sha = (data: Buffer | undefined) =>
      createHash('sha256')
        .update(data ?? '')
        .digest('hex');
    expect(sha(files.get('6205364319212345678/a'))).toBe(sha(Buffer.alloc(32 * MiB, 'a')));
    expect(files.get('6205364319212345678/b')?.toString()).toBe('b');
  });

  test('a file that shrinks cuts the connection: no part is taken for the whole', async () => {
    sparse('a', 64 * MiB);
    writeFileSync(join(server.folder, 'b'), 'longer than it will be');
    const response = await server.begin(await server.link());
    await once(response, 'readable');
    writeFileSync(join(server.folder, 'b'), 'short');
    await expect(readAll(response)).rejects.toMatchObject({ code: 'ECONNRESET' });
    await until(() => openFiles().length === 0);
  });

  test('AT-17: a right that goes, or a session that ends, cuts a download within about a second', async () => {
    sparse('big', 1024 * MiB);
    for (const end of [() => (server.script.mayPull = false), () => (server.script.caller = undefined)]) {
      const before = { ...server.script };
      const response = await server.begin(await server.link());
      await once(response, 'readable');
      const ended = performance.now();
      end();
      const cut = new Promise((resolve) => response.once('close', resolve));
      response.on('error', () => {});
      // Slowly, so that it would not be over anyway.
      await Promise.race([cut, drip(response)]);
      expect(performance.now() - ended).toBeLessThan(5000);
      expect(response.complete).toBe(false);
      Object.assign(server.script, before);
      await until(() => openFiles().length === 0);
    }
  }, 20_000);
});

async function readAll(response: AsyncIterable<Buffer>): Promise<number> {
  let size = 0;
  for await (const piece of response) size += piece.length;
  return size;
}

/** Reads a piece now and then. */
async function drip(response: NodeJS.ReadableStream): Promise<void> {
  while (response.readable) {
    response.read();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
