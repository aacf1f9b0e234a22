import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { archiveName, findOpenFga, OPENFGA_VERSION } from '../../../src/dev/tools/openfga.ts';

const PROGRAM = '#!/bin/sh\necho v1.22.1\n';
const NAME = archiveName(process.platform, process.arch);

describe('finding OpenFGA', () => {
  let folder: string;
  let files: Record<string, Buffer>;
  let asked: string[];
  let server: Server;
  let mirror: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fedctl-tools-'));
    writeFileSync(join(folder, 'openfga'), PROGRAM);
    chmodSync(join(folder, 'openfga'), 0o755);
    execFileSync('tar', ['-czf', join(folder, 'a.tar.gz'), '-C', folder, 'openfga']);
    rmSync(join(folder, 'openfga'));
    const archive = readFileSync(join(folder, 'a.tar.gz'));
    const sha256 = createHash('sha256').update(archive).digest('hex');
    files = { [NAME]: archive, 'checksums.txt': Buffer.from(`${'0'.repeat(64)}  other.tar.gz\n${sha256}  ${NAME}\n`) };
    asked = [];
    server = createServer((request, response) => {
      const name = request.url?.split('/').at(-1) ?? '';
      asked.push(name);
      const file = files[name];
      response.writeHead(file ? 200 : 404).end(file);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v${OPENFGA_VERSION}`;
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  /** An environment without Go, without OpenFGA and with a cache of its own. */
  function find(options: { explicit?: string; path?: string; lines?: string[] } = {}) {
    const env = { PATH: options.path ?? join(folder, 'empty'), XDG_CACHE_HOME: join(folder, 'cache') };
    const progress = (line: string): void => void options.lines?.push(line);
    return findOpenFga({ env, progress, explicit: options.explicit });
  }

  test('downloads the release once for starts at the same time, and later needs no network', async () => {
    const paths = await Promise.all([
      find({ explicit: mirror }),
      find({ explicit: mirror }),
      find({ explicit: mirror }),
    ]);
    expect(new Set(paths)).toEqual(new Set([join(folder, 'cache/fedctl/openfga', OPENFGA_VERSION, 'openfga')]));
    expect(asked).toEqual(['checksums.txt', NAME]);
    expect(execFileSync(paths[0] ?? '', ['version'], { encoding: 'utf8' })).toBe('v1.22.1\n');
    expect(await find()).toBe(paths[0]);
    expect(asked).toHaveLength(2);
    expect(readdirSync(join(folder, 'cache/fedctl/openfga')).sort()).toEqual([
      OPENFGA_VERSION,
      `${OPENFGA_VERSION}.lock`,
    ]);
  });

  test.each([
    ['another archive', () => Object.assign(files, { [NAME]: Buffer.from('not what was released') })],
    ['an archive that the checksums do not name', () => Object.assign(files, { 'checksums.txt': Buffer.from('') })],
  ])('refuses %s, and tries nothing else', async (_what, spoil) => {
    spoil();
    await expect(find({ explicit: mirror, path: withGo(folder) })).rejects.toMatchObject({
      reason: 'TOOL_CHECKSUM_MISMATCH',
    });
    expect(existsSync(join(folder, 'cache/fedctl/openfga', OPENFGA_VERSION))).toBe(false);
    expect(existsSync(join(folder, 'go-ran'))).toBe(false);
  });

  test('builds with Go where the release cannot be reached, and tells so', async () => {
    files = {};
    const lines: string[] = [];
    const found = await find({ explicit: mirror, path: withGo(folder), lines });
    expect(readFileSync(found, 'utf8')).toBe(PROGRAM);
    expect(readFileSync(join(folder, 'go-ran'), 'utf8')).toContain(`openfga/cmd/openfga@v${OPENFGA_VERSION}`);
    expect(lines.join('\n')).toMatch(/Downloading OpenFGA.*can't be reached.*go install/s);
  });

  test('names the choices where there is none', async () => {
    files = {};
    await expect(find({ explicit: mirror })).rejects.toMatchObject({
      reason: 'TOOL_MISSING',
      message: 'OpenFGA was not found and could not be fetched.',
      hint: expect.stringMatching(/PATH.*FEDCTL_OPENFGA.*github\.com.*Go/),
    });
  });

  test('takes an explicit path, and refuses one that is no program', async () => {
    const program = join(folder, 'mine');
    writeFileSync(program, PROGRAM, { mode: 0o755 });
    expect(await find({ explicit: program })).toBe(program);
    await expect(find({ explicit: join(folder, 'none') })).rejects.toMatchObject({ reason: 'TOOL_MISSING' });
  });

  test('takes the program on PATH unless it is too old', async () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'openfga'), PROGRAM, { mode: 0o755 });
    expect(await find({ path: bin })).toBe(join(bin, 'openfga'));
    writeFileSync(join(bin, 'openfga'), '#!/bin/sh\necho v1.2.0\n', { mode: 0o755 });
    expect(await find({ path: bin, explicit: mirror })).not.toBe(join(bin, 'openfga'));
  });

  test('never downloads a program in plain text from another machine', async () => {
    await expect(find({ explicit: 'http://mirror.example/openfga' })).rejects.toMatchObject({
      reason: 'TOOL_URL_INSECURE',
    });
  });
});

/** A PATH with a `go` that notes its arguments and "builds" the program. */
function withGo(folder: string): string {
  const bin = join(folder, 'gobin');
  mkdirSync(bin, { recursive: true });
  const script = `#!/bin/sh\necho "$@" > ${join(folder, 'go-ran')}\nprintf '#!/bin/sh\\necho v1.22.1\\n' > "$GOBIN/openfga"\n`;
  writeFileSync(join(bin, 'go'), script, { mode: 0o755 });
  return bin;
}
