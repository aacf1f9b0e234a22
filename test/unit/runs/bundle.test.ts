import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { verifyBundle } from '../../../src/server/runs/bundle.ts';
import { buildBundle, buildZip, fixtureBundle, type ZipPart } from '../../support/zip.ts';

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
const project: ZipPart = { name: 'pyproject.toml', data: PROJECT };

function refused(content: Buffer, reason: string, says?: string) {
  const message = says === undefined ? expect.any(String) : expect.stringContaining(says);
  return expect(verifyBundle(content)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', reason, message });
}

const line = (path: string, data: string) =>
  `${path},${createHash('sha256').update(data).digest('hex')},${data.length * 8}`;
const withEntry = (part: ZipPart) => buildZip([project, part]);

describe('a good bundle', () => {
  test('tells app, version and hash', async () => {
    const content = fixtureBundle(APP);
    const sha256 = createHash('sha256').update(content).digest('hex');
    await expect(verifyBundle(content)).resolves.toMatchObject({ sha256, app: 'fixture/tinyapp', appVersion: '0.3.0' });
  });

  test('may be deflated', async () => {
    const manifest = `${line('pyproject.toml', PROJECT)}\n${line('a.py', 'x')}`;
    const parts = [project, { name: 'a.py', data: 'x' }, { name: '.info/CONTENT', data: manifest }];
    const content = buildZip(parts.map((part) => ({ ...part, deflate: true })));
    await expect(verifyBundle(content)).resolves.toMatchObject({ app: 'lab/demo', appVersion: '1.2.3' });
  });

  test('may carry the manifest of releases before 1.27: a newline at each end, no pyproject.toml', async () => {
    const data = 'x = 1\n';
    const line = `demo/a.py,${createHash('sha256').update(data).digest('hex')},${data.length * 8}\n`;
    const content = buildZip([project, { name: 'demo/a.py', data }, { name: '.info/CONTENT', data: line }]);
    await expect(verifyBundle(content)).resolves.toMatchObject({ app: 'lab/demo' });
  });

  test('may be an agent app (1.31 and later)', async () => {
    const toml = PROJECT.replace(/serverapp.*\n/, '').replace(/clientapp.*/, 'agentapp = "demo.agent:app"');
    await expect(verifyBundle(buildBundle({ 'pyproject.toml': toml }))).resolves.toMatchObject({ app: 'lab/demo' });
  });
});

describe('T-23: entries that leave the bundle or are not what they seem', () => {
  test.each([
    ['../evil.py', '".."'],
    ['a/../../evil.py', '".."'],
    ['/etc/passwd', 'absolute'],
    ['C:/evil.py', 'drive'],
    ['c:evil.py', 'drive'],
    ['a\\b.py', 'backslash'],
    ['a//b.py', 'empty'],
    ['./a.py', 'empty or "."'],
    ['folder/', 'folder'],
    ['', 'no name'],
    ['a\u0000b.py', 'control characters'],
    ['a\u001b[2Jb.py', 'control characters'],
    [`${'x'.repeat(300)}.py`, 'too long'],
  ])('%j', async (name, says) => {
    await refused(withEntry({ name, data: 'x' }), 'BUNDLE_ENTRY_UNSAFE', says);
  });

  test.each([
    ['a symlink', { attributes: 0xa1ff0000 }],
    ['a device', { attributes: 0x21ff0000 }],
    ['a unix folder', { attributes: 0x41ff0000 }],
    ['a DOS folder', { attributes: 0x10, madeBy: 20 }],
    ['a symlink said to be made by DOS', { attributes: 0xa1ff0000, madeBy: 20 }],
  ])('%s', async (_, fields) => {
    await refused(withEntry({ name: 'a.py', data: 'b', ...fields }), 'BUNDLE_ENTRY_UNSAFE', 'regular files only');
  });

  test('an encrypted entry, an unknown method, a second name, a name that is not UTF-8', async () => {
    await refused(withEntry({ name: 'a.py', data: 'b', flags: 1, deflate: true }), 'BUNDLE_ENTRY_UNSAFE', 'encrypted');
    await refused(withEntry({ name: 'a.py', data: 'b', method: 93 }), 'BUNDLE_ENTRY_UNSAFE', 'method');
    const extra = Buffer.from([0x75, 0x70, 6, 0, 1, 0, 0, 0, 0, 0x62]);
    await refused(withEntry({ name: 'a.py', data: 'b', extra }), 'BUNDLE_ENTRY_UNSAFE', 'two names');
    await refused(withEntry({ name: Buffer.from([0x61, 0xff, 0x62]), data: 'b' }), 'BUNDLE_ENTRY_UNSAFE', 'UTF-8');
    await refused(withEntry({ name: Buffer.from([0xff]), data: 'b', flags: 0x800 }), 'BUNDLE_ENTRY_UNSAFE', 'UTF-8');
  });

  test('names that are equal on some file system', async () => {
    const twice = (a: string, b: string) => buildZip([project, { name: a, flags: 0x800 }, { name: b, flags: 0x800 }]);
    await refused(twice('a.py', 'a.py'), 'BUNDLE_ENTRY_DUPLICATE', '"a.py"');
    await refused(twice('a.py', 'A.PY'), 'BUNDLE_ENTRY_DUPLICATE');
    await refused(twice('\u00e9.py', 'e\u0301.py'), 'BUNDLE_ENTRY_DUPLICATE');
    await refused(twice('stra\u00dfe.py', 'STRASSE.py'), 'BUNDLE_ENTRY_DUPLICATE');
    await refused(twice('a', 'a/b.py'), 'BUNDLE_ENTRY_DUPLICATE');
    await refused(twice('a/b.py', 'A'), 'BUNDLE_ENTRY_DUPLICATE');
  });

  test('a local header that tells another name', async () => {
    await refused(withEntry({ name: 'a.py', localName: 'b.py', data: 'x' }), 'BUNDLE_ENTRY_UNSAFE', 'two places');
  });

  test('something in front of, behind or between the archive and its directory', async () => {
    await refused(buildZip([project], { prefix: Buffer.from('MZ') }), 'BUNDLE_NOT_A_ZIP');
    await refused(buildZip([project], { suffix: Buffer.from('!') }), 'BUNDLE_NOT_A_ZIP');
    await refused(Buffer.from('not a zip, but long enough to hold an end record'), 'BUNDLE_NOT_A_ZIP');
    await refused(Buffer.alloc(0), 'BUNDLE_NOT_A_ZIP');
    await refused(buildZip([project], { count: 2 }), 'BUNDLE_NOT_A_ZIP');
  });
});

describe('T-24: bombs', () => {
  async function quickly(content: Buffer, reason: string) {
    const [rss, start] = [process.memoryUsage().rss, performance.now()];
    await refused(content, reason);
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(process.memoryUsage().rss - rss).toBeLessThan(64 * 1024 * 1024);
  }

  test('ratio', async () => {
    const bomb = withEntry({ name: 'bomb.json', data: Buffer.alloc(9_000_000), deflate: true });
    await quickly(bomb, 'BUNDLE_BOMB');
  });

  test('a small declared size in front of a large content', async () => {
    const data = Buffer.alloc(30_000_000, 'x');
    await quickly(withEntry({ name: 'bomb.json', data, deflate: true, size: 1_000 }), 'BUNDLE_DAMAGED');
  });

  test('many entries that share one content', async () => {
    const shared: ZipPart[] = [project, { name: 'base.json', data: Buffer.alloc(900_000), deflate: true }];
    for (let i = 0; i < 500; i += 1)
      shared.push({ name: `f${i}.json`, sameAs: 1, deflate: true, localName: 'base.json' });
    await refused(buildZip(shared), 'BUNDLE_ENTRY_UNSAFE');
    const overlapped = buildZip([project, { name: 'a.py', data: 'x'.repeat(100) }, { name: 'A2.py', sameAs: 1 }]);
    await expect(verifyBundle(overlapped)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('more than 100 MB in sum', async () => {
    const parts = Array.from({ length: 120 }, (_, i) => ({
      name: `f${i}.json`,
      data: Buffer.alloc(900_000),
      deflate: true,
    }));
    await quickly(buildZip([project, ...parts]), 'BUNDLE_TOO_LARGE');
  });

  test('10,001 entries, whatever the count says', async () => {
    const parts = Array.from({ length: 10_001 }, (_, i) => ({ name: `f${i}.py` }));
    await quickly(buildZip(parts), 'BUNDLE_BOMB');
  });

  test('more than 10 MiB packed', async () => {
    await quickly(Buffer.alloc(10 * 1024 * 1024 + 1), 'BUNDLE_TOO_LARGE');
  });

  test('a wrong CRC-32', async () => {
    await refused(withEntry({ name: 'a.py', data: 'x', crc: 1 }), 'BUNDLE_DAMAGED', '"a.py"');
  });
});

describe('CF-08, T-17: what may hold credentials', () => {
  test.each([
    '.flwr/.credentials/lab.json',
    'sub/.flwr/x.json',
    '.FLWR/x.json',
    '.git/config',
    '.env',
    '.env.local',
    'app/.env.json',
    '.envs/a.py',
    'server.pem',
    'TLS.KEY',
    'keys/id_rsa',
    'id_ed25519',
    '.ssh/config',
    '.netrc',
  ])('%s', async (name) => {
    await refused(withEntry({ name, data: 'x' }), 'BUNDLE_ENTRY_FORBIDDEN', name);
  });

  test('names that only look alike pass', async () => {
    const fine = ['environment.py', '.gitignore', 'monkey.py', 'id_rsa.md', 'keys.toml', 'flwr/x.py'];
    const files = { 'pyproject.toml': PROJECT, ...Object.fromEntries(fine.map((name) => [name, 'x'])) };
    const content = buildBundle(files);
    await expect(verifyBundle(content)).resolves.toMatchObject({ app: 'lab/demo' });
  });
});

describe('manifest', () => {
  const bundle = (manifest: string) =>
    buildZip([project, { name: 'a.py', data: 'x' }, { name: '.info/CONTENT', data: manifest }]);
  const hash = createHash('sha256').update('x').digest('hex');

  test.each([
    ['another hash', `a.py,${'0'.repeat(64)},8`, 'does not fit "a.py"'],
    ['a size in bytes', `a.py,${hash},1`, 'does not fit "a.py"'],
    ['a file that is not there', `b.py,${hash},8`, '"b.py", which is not there'],
    ['a file left out', '', "can't be read"],
    ['a line twice', `a.py,${hash},8\na.py,${hash},8`, 'twice'],
    ['garbage', 'a.py', "can't be read"],
  ])('%s', async (_, manifest, says) => {
    await refused(bundle(manifest), 'BUNDLE_MANIFEST_MISMATCH', says);
  });

  test('none: no SuperNode would install it', async () => {
    await refused(withEntry({ name: 'a.py', data: 'x' }), 'BUNDLE_MANIFEST_MISMATCH', 'no manifest');
  });
});

describe('pyproject.toml', () => {
  const withProject = (toml: string | Buffer) => buildZip([{ name: 'pyproject.toml', data: toml }]);

  test.each([
    ['missing', buildZip([{ name: 'a.py' }]), 'has no pyproject.toml'],
    ['not TOML', withProject('[project\nname='), 'not valid TOML near line'],
    ['not UTF-8', withProject(Buffer.from([0x61, 0xff])), 'not UTF-8'],
    ['without a name', withProject(PROJECT.replace(/name.*\n/, '')), 'project.name'],
    ['with a number for a version', withProject(PROJECT.replace('"1.2.3"', '1')), 'project.version, a string'],
    ['without a publisher', withProject(PROJECT.replace(/publisher.*\n/, '')), 'tool.flwr.app.publisher'],
    ['without a component', withProject(PROJECT.replace(/clientapp.*\n/, '')), 'components.clientapp'],
    [
      'with a component that is none',
      withProject(PROJECT.replace('demo.client:app', 'rm -rf')),
      'components.clientapp',
    ],
    ['with a name from a terminal', withProject(PROJECT.replace('"demo"', '"a\\u001b[2Jb"')), 'project.name'],
    ['with a list for a table', withProject('project = []'), '[project]'],
  ])('%s', async (_, content, says) => {
    await refused(content, 'BUNDLE_PROJECT_INVALID', says);
  });

  test('T-26: keys that pollute prototypes are refused, in any spelling', async () => {
    const keys = ['__proto__', 'constructor', 'prototype'];
    for (const key of keys) {
      for (const toml of [
        `[${key}]\nx = 1`,
        `"${key}" = {x = 1}`,
        `a.${key}.x = 1`,
        `a = [{${key} = 1}]`,
        `[[a]]\n[a.${key}]`,
      ]) {
        await expect(verifyBundle(withProject(`${PROJECT}\n${toml}\n`))).rejects.toMatchObject({
          reason: 'BUNDLE_PROJECT_INVALID',
        });
      }
    }
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  const KB256 = 256 * 1024 - PROJECT.length - 1;
  test.each([
    ['arrays in arrays', `a = ${'['.repeat(20_000)}${']'.repeat(20_000)}`],
    ['tables in tables', `a = ${'{b = '.repeat(5_000)}1${'}'.repeat(5_000)}`],
    ['a dotted key', `${'a.'.repeat(20_000)}b = 1`],
    ['a dotted table with spaces and quotes', `[${'"a" . '.repeat(5_000)}b]`],
    ['a key of 200 KB', `${'a'.repeat(200_000)} = 1`],
    ['a number of 200 KB', `a = ${'1'.repeat(200_000)}`],
    ['a string that never ends', `a = "${'x'.repeat(200_000)}`],
  ])('T-25: %s is refused at once', async (_, toml) => {
    const start = performance.now();
    await refused(withProject(`${PROJECT}\n${toml}\n`), 'BUNDLE_PROJECT_INVALID');
    expect(performance.now() - start).toBeLessThan(500);
  });

  test('T-25: more than 256 KB is refused before it is parsed', async () => {
    await refused(withProject(`#${'x'.repeat(256 * 1024)}`), 'BUNDLE_TOO_LARGE', '"pyproject.toml"');
  });

  test.each([
    ['a long array', `a = [${'1,'.repeat(KB256 / 2 - 10)}]`],
    ['many arrays', `a = [${'[],'.repeat(Math.floor(KB256 / 3) - 10)}]`],
    ['many inline tables', `a = [${'{b=1},'.repeat(Math.floor(KB256 / 6) - 10)}]`],
    [
      'many keys',
      Array.from({ length: 20_000 }, (_, i) => `k${i} = 1`)
        .join('\n')
        .slice(0, KB256)
        .replace(/\n[^\n]*$/, ''),
    ],
    ['one long string', `a = "${'x'.repeat(KB256 - 20)}"`],
    [
      'deep dotted keys',
      Array.from({ length: 1_900 }, (_, i) => `${'a.'.repeat(60)}k${i} = 1`)
        .join('\n')
        .slice(0, KB256)
        .replace(/\n[^\n]*$/, ''),
    ],
  ])('T-25: 256 KB of %s never block the event loop', async (_, toml) => {
    const content = withProject(`${PROJECT}\n${toml}\n`.slice(0, 256 * 1024));
    // CPU time of this thread, not wall time: other processes must not decide this.
    const cpuMs = () => {
      const { user, system } = process.threadCpuUsage();
      return (user + system) / 1_000;
    };
    const longestTurn = async () => {
      let [longest, last, isDone] = [0, cpuMs(), false];
      const tick = () => {
        longest = Math.max(longest, cpuMs() - last);
        last = cpuMs();
        if (!isDone) setImmediate(tick);
      };
      tick();
      await verifyBundle(content).catch(() => undefined);
      isDone = true;
      return longest;
    };
    // What is not the parser's, such as a collection of garbage, does not fall into the longest turn every time.
    let longest = await longestTurn();
    for (let attempt = 1; attempt < 25 && longest >= 50; attempt += 1) longest = Math.min(longest, await longestTurn());
    expect(longest).toBeLessThan(50);
  });
});

test('T-23, T-24: damaged bundles are refused with a BUNDLE_ reason or are still whole, and nothing else', async () => {
  const good = fixtureBundle(APP);
  const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255), cut: fc.option(fc.nat(good.length)) });
  await fc.assert(
    fc.asyncProperty(change, async ({ at, byte, cut }) => {
      const damaged = Buffer.from(good.subarray(0, cut ?? good.length));
      if (at < damaged.length) damaged[at] = byte;
      const outcome = await verifyBundle(damaged).catch((error: unknown) => error);
      expect((outcome as { reason?: string }).reason ?? 'BUNDLE_WHOLE').toMatch(/^BUNDLE_/);
    }),
    { numRuns: 300 },
  );
});
