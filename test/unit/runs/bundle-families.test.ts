import { describe, expect, test } from '@jest/globals';
import { familyOf } from '../../../src/core/bundle-families.ts';
import type { BundleFamily } from '../../../src/core/engine.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { readApp } from '../../../src/project/app.ts';
import { bundleApp } from '../../../src/project/bundle.ts';
import { tellCarried, verifyBundle } from '../../../src/server/runs/bundle.ts';
import { createNameCheck } from '../../../src/server/runs/bundle-names.ts';
import { buildBundle, buildZip } from '../../support/zip.ts';

const APP = new URL('../../fixtures/tinyapp', import.meta.url).pathname;
const PROJECT = [
  '[project]',
  'name = "demo"',
  'version = "1.2.3"',
  '[tool.flwr.app]',
  'publisher = "lab"',
  '[tool.flwr.app.components]',
  'serverapp = "demo.server:app"',
  'clientapp = "demo.client:app"',
  '',
].join('\n');

describe('familyOf', () => {
  const rows: [string, BundleFamily][] = [
    ['1.18.0', 1],
    ['1.22', 1],
    ['1.23.0', 2],
    ['1.26.1', 2],
    ['1.27.0', 3],
    ['1.28.0', 4],
    ['1.41.0', 4],
    ['1.999.0', 4],
    ['2.0.0', 4],
    ['1.27.0rc1', 3],
    ['1.24.0.dev20251122', 2],
  ];
  test.each(rows)('%s is %d', (release, family) => {
    expect(familyOf(release)).toBe(family);
  });

  test.each(['1.17.0', '0.20', '', '1', 'latest', '1.32.1 ', 'v1.32.1', '1.32.x', '-1.32', '1.18.0\n', '1e3.2'])(
    '%j is none that is known',
    (release) => {
      expect(() => familyOf(release)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', reason: 'FLWR_VERSION_INVALID', hint: expect.any(String) }),
      );
    },
  );
});

test.each([1, 2, 3, 4] as const)('family %d: the server takes the bundle, and no altered one', async (family) => {
  const { content, sha256 } = await bundleApp(await readApp(APP), { family });
  await expect(verifyBundle(content)).resolves.toMatchObject({ sha256, app: 'fixture/tinyapp', carried: [] });
  const text = Buffer.from(content).toString('latin1');
  const at = text.lastIndexOf('.info/CONTENT', text.lastIndexOf('.info/CONTENT') - 1);
  const altered = Buffer.from(content);
  altered[at + '.info/CONTENT'.length + 40] = 0x21;
  await expect(verifyBundle(altered)).rejects.toMatchObject({ reason: 'BUNDLE_DAMAGED' });
});

describe('what old releases of flwr send along', () => {
  test.each([
    ['.flwr/apps/lab.demo.1-0-0.01234567/demo/a.py', '.flwr/apps/'],
    ['.venv/lib/python3.11/site-packages/x/a.py', '.venv/lib/python3.11/site-packages/'],
    ['.env/lib/python3.11/site-packages/x/a.toml', '.env/lib/python3.11/site-packages/'],
    ['sub/.env-old/lib64/python3/site-packages/a.py', 'sub/.env-old/lib64/python3/site-packages/'],
    ['.env/bin/activate_this.py', '.env/bin/'],
  ])('%s is let through and told', async (name, folder) => {
    const content = buildBundle({ 'pyproject.toml': PROJECT, [name]: 'x' });
    await expect(verifyBundle(content)).resolves.toMatchObject({ carried: [folder] });
  });

  test.each([
    '.flwr/config.toml',
    '.flwr/apps/notes.md',
    '.flwr/.credentials/a.toml',
    '.flwr/apps/lab.demo/.credentials/a.toml',
    '.flwr/apps/lab.demo/.flwr/a.py',
    '.venv/lib/python3.11/site-packages/.aws/a.py',
    '.venv/lib/python3.11/site-packages/server.pem',
    '.env/a.py',
    '.env/lib/a.py',
    '.envs/production.toml',
    '.env/bin/deep/a.py',
    '.env.py',
    'x/.env/lib/python3.11/site-packages',
  ])('T-17: %s is refused', (name) => {
    expect(() => createNameCheck().check(name)).toThrow(expect.objectContaining({ reason: 'BUNDLE_ENTRY_FORBIDDEN' }));
  });

  test('the server log has a line for such a bundle, and none for others', () => {
    const lines: object[] = [];
    const log = { ...silentLogger, warn: (fields: object, message: string) => void lines.push({ ...fields, message }) };
    const bundle = { sha256: 'a1', content: new Uint8Array(), app: 'lab/demo', appVersion: '1' };
    expect(tellCarried({ ...bundle, carried: [] }, log)).toMatchObject(bundle);
    expect(lines).toEqual([]);
    tellCarried({ ...bundle, carried: ['.flwr/apps/'] }, log);
    expect(lines).toEqual([
      { app: 'lab/demo', bundle: 'a1', carried: ['.flwr/apps/'], message: 'bundle carries more than its app' },
    ]);
  });

  test('the check of a long name takes no time', () => {
    const start = performance.now();
    for (const part of ['.env/', 'a/', '.flwr/apps/a/', 'env'.repeat(80), '.venv/bin/']) {
      for (let i = 0; i < 100; i += 1) {
        try {
          createNameCheck().check(part.repeat(Math.floor(1000 / part.length)));
        } catch {}
      }
    }
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

test.each(['My Lab', 'josé', 'a.b', '实验室', '_x', '@lab'])('publisher %j is fine', async (publisher) => {
  const content = buildBundle({ 'pyproject.toml': PROJECT.replace('"lab"', JSON.stringify(publisher)) });
  await expect(verifyBundle(content)).resolves.toMatchObject({ app: `${publisher}/demo` });
});

test.each(['', ' lab', 'a/b', 'a\\\\b', '../x', '.', '..', 'a\\u001bb', 'a\\u202eb', 'x'.repeat(129)])(
  'publisher %j is refused',
  async (publisher) => {
    const content = buildBundle({ 'pyproject.toml': PROJECT.replace('"lab"', `"${publisher}"`) });
    await expect(verifyBundle(content)).rejects.toMatchObject({ reason: 'BUNDLE_PROJECT_INVALID' });
  },
);

describe('T-25: a manifest that is long or odd', () => {
  test.each([
    ['newlines', '\n'],
    ['commas', ','],
    ['digits', '0'],
    ['hashes', `a,${'0'.repeat(64)},8\n`],
  ])('4 MiB of %s are refused at once', async (_, text) => {
    const manifest = text.repeat(Math.floor((4 * 1024 * 1024) / text.length));
    const parts = [
      { name: 'pyproject.toml', data: PROJECT },
      { name: '.info/CONTENT', data: manifest },
    ];
    const content = buildZip(parts);
    const start = process.threadCpuUsage();
    await expect(verifyBundle(content)).rejects.toMatchObject({ reason: 'BUNDLE_MANIFEST_MISMATCH' });
    const { user, system } = process.threadCpuUsage(start);
    expect((user + system) / 1_000).toBeLessThan(500);
  });

  test('more than that is refused before it is read', async () => {
    const parts = [
      { name: 'pyproject.toml', data: PROJECT },
      { name: '.info/CONTENT', data: Buffer.alloc(4 * 1024 * 1024 + 1, 'x') },
    ];
    await expect(verifyBundle(buildZip(parts))).rejects.toMatchObject({ reason: 'BUNDLE_TOO_LARGE' });
  });

  test('T-26: a file may be called as a property of every object is', async () => {
    const content = buildBundle({
      'pyproject.toml': PROJECT,
      __proto__x: 'x',
      constructor: 'y',
      'hasOwnProperty.py': 'z',
    });
    await expect(verifyBundle(content)).resolves.toMatchObject({ app: 'lab/demo' });
    const named = buildZip([
      { name: 'pyproject.toml', data: PROJECT },
      { name: '__proto__', data: 'x' },
      { name: '.info/CONTENT', data: `__proto__,${'0'.repeat(64)},8\n` },
    ]);
    await expect(verifyBundle(named)).rejects.toMatchObject({ reason: 'BUNDLE_MANIFEST_MISMATCH' });
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });
});
