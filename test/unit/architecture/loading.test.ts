import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../../..');
const HOT = ['login', 'run', 'ls', 'log', 'stop', 'whoami'];
const RUN_ID = '123456';

let folder: string;

beforeAll(() => {
  if (!existsSync(join(ROOT, 'dist/bin.js'))) throw new Error('Build first: npm run build');
  folder = mkdtempSync(join(tmpdir(), 'fedctl-loading-'));
  // Every module that a process loads, written when it ends.
  writeFileSync(
    join(folder, 'record.mjs'),
    `import { registerHooks } from 'node:module';
     import { writeFileSync } from 'node:fs';
     const seen = [];
     registerHooks({ load(url, context, next) { seen.push(url); return next(url, context); } });
     process.on('exit', () => writeFileSync(process.env.LOADED, JSON.stringify(seen)));`,
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command in a folder without any configuration, so that it ends before it connects. */
function loadedBy(args: readonly string[]): { urls: string[]; code: number | null } {
  const loaded = join(folder, `${args[0]}.json`);
  const { status } = spawnSync(
    process.execPath,
    ['--import', join(folder, 'record.mjs'), join(ROOT, 'dist/bin.js'), ...args],
    {
      cwd: folder,
      // Under NODE_ENV=test oclif looks for TypeScript, which it does for no user.
      env: { ...process.env, NODE_ENV: undefined, LOADED: loaded, FLWR_HOME: join(folder, 'home'), HOME: folder },
    },
  );
  return { urls: JSON.parse(readFileSync(loaded, 'utf8')) as string[], code: status };
}

describe('what a hot command loads before it connects', () => {
  test.each(HOT)('%s loads no server code and no grpc', (name) => {
    const args = name === 'log' || name === 'stop' ? [name, RUN_ID] : [name];
    const { urls, code } = loadedBy(args);
    // The command itself was loaded and ended in a usage error, so the record is of the real path.
    expect(urls.some((url) => url.endsWith(`/dist/commands/${name}.js`))).toBe(true);
    expect(code).not.toBe(0);
    const heavy =
      /\/dist\/((server|dev|gen)\/|vendor\/grpc\.js)|node_modules\/(@grpc|@bufbuild|@openfga|kysely|pino|prom-client|openid-client|oidc-provider|undici|jose|yauzl)\//;
    expect(urls.filter((url) => heavy.test(url))).toEqual([]);
  });

  test('what all commands need of other packages is one file each, so that they start fast', () => {
    const { urls } = loadedBy(['ls']);
    expect(urls.filter((url) => url.includes('/dist/vendor/')).map((url) => basename(url))).toEqual([
      'oclif.js',
      'toml.js',
    ]);
    expect(urls.filter((url) => url.includes('node_modules/'))).toEqual([]);
  });

  test('--version loads no command', () => {
    expect(loadedBy(['--version']).urls.filter((url) => url.includes('/dist/commands/'))).toEqual([]);
  });
});
