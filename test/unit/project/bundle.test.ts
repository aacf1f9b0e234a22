import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { buildBundle, MAX_BUNDLE_BYTES } from '../../../src/project/bundle.ts';
import { readProjectConnections } from '../../../src/project/connections.ts';
import { createApp, moduleName } from '../../../src/project/new.ts';

let root: string;
let dir: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bundle-'));
  dir = join(root, 'my-app');
  const federation = { name: 'lab', address: 'localhost:9093', rootCertificates: '/ca.pem' };
  await createApp({ name: 'my-app', template: 'numpy', dir, publisher: 'alice', federation });
});
afterEach(() => rm(root, { recursive: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(dir, path)), { recursive: true });
  await writeFile(join(dir, path), text);
}

async function edit(from: string, to: string): Promise<void> {
  const file = join(dir, 'pyproject.toml');
  await writeFile(file, (await readFile(file, 'utf8')).replace(from, to));
}

describe('CF-08: what a bundle never holds', () => {
  const secret = [
    '.git/x.py',
    'a/.env.json',
    '.env.yaml',
    '.flwr/.credentials/lab.json',
    'sub/.flwr/x.json',
    'id_rsa.md',
    'a/credentials.json',
  ];

  test('is left out, even where fab-include names it', async () => {
    await edit(
      'publisher = "alice"',
      'publisher = "alice"\nfab-include = ["**/*.py", "**/*.json", "**/*.yaml", "**/*.md"]',
    );
    for (const path of secret) await put(path, 'x');
    const { files, warnings } = await buildBundle(dir);
    expect(files.map(({ path }) => path).filter((path) => secret.includes(path))).toEqual([]);
    expect(warnings.join('\n')).toContain('a/.env.json was left out');
  });

  test('a private key inside a file is an error; a mention is none', async () => {
    await put('docs.md', 'starts with -----BEGIN PRIVATE KEY----- they say');
    await buildBundle(dir);
    await put(
      'account.json',
      `{"private_key":"-----BEGIN PRIVATE KEY-----\\n${'A'.repeat(64)}\\n-----END PRIVATE KEY-----"}`,
    );
    await expect(buildBundle(dir)).rejects.toMatchObject({ reason: 'BUNDLE_HOLDS_SECRET' });
  });
});

describe('buildBundle', () => {
  test('names the largest files of a bundle over 10 MiB', async () => {
    await put('huge.json', 'x'.repeat(MAX_BUNDLE_BYTES));
    await expect(buildBundle(dir)).rejects.toThrow(/huge\.json \(10\.0 MiB\)/);
  });

  test('refuses files more than ten folders deep, and names that no manifest can hold', async () => {
    await put(`${'d/'.repeat(11)}x.py`, '');
    await expect(buildBundle(dir)).rejects.toMatchObject({ reason: 'BUNDLE_TOO_DEEP' });
    await rm(join(dir, 'd'), { recursive: true });
    await put('a,b.py', '');
    await expect(buildBundle(dir)).rejects.toMatchObject({ reason: 'BUNDLE_NAME_INVALID' });
  });

  const bad: [string, string, RegExp][] = [
    ['name = "my-app"', '', /\[project\] name is missing/],
    ['version = "1.0.0"', 'version = 1', /\[project\] version must be a string, not an integer/],
    ['publisher = "alice"', '', /\[tool\.flwr\.app\] publisher is missing/],
    ['my_app.server_app:app', 'my_app.nothing:app', /there is no my_app\/nothing\.py/],
    ['my_app.server_app:app', 'my_app.server_app', /must look like package\.module:app/],
    ['my_app.server_app:app', 'my_app.server_app:missing', /names missing, which/],
    ['skew = 0.9', 'skew = [1]', /\[tool\.flwr\.app\.config\] skew must be/],
  ];
  test.each(bad)('with %j as %j it names file, table and key', async (from, to, message) => {
    await edit(from, to);
    await expect(buildBundle(dir)).rejects.toThrow(message);
  });
});

describe('createApp', () => {
  test('writes the connection, and refuses a folder that exists', async () => {
    expect(await readProjectConnections(dir)).toMatchObject({ defaultName: 'lab', names: ['lab'], exists: true });
    const again = createApp({ name: 'my-app', template: 'numpy', dir, publisher: 'alice' });
    await expect(again).rejects.toMatchObject({ reason: 'APP_EXISTS' });
  });

  test('derives module names that hide nothing', () => {
    expect(['my-app', 'Numpy', 'class', 'a--b-'].map(moduleName)).toEqual(['my_app', 'numpy_app', 'class_app', 'a__b']);
  });

  test.each(['1a', 'a_b', '../x', 'x'.repeat(33), ''])('refuses the name %j', async (name) => {
    const made = createApp({ name, template: 'numpy', dir: join(root, 'other'), publisher: 'alice' });
    await expect(made).rejects.toMatchObject({ reason: 'APP_NAME_INVALID' });
  });
});
