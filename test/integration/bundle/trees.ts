import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createApp, TEMPLATES } from '../../../src/project/new.ts';

/** A pyproject.toml with what a rewriting could get wrong: big and signed integers, floats, dates, odd keys and strings. */
const PYPROJECT = `
[project]
name = "nasty"
version = "1.2.3"
license = "Apache-2.0"
description = """two
lines \\"quoted\\" \\\\ \\u00e9 \\u0001\\u0002 \\t tab"""
authors = [{ name = "A", email = "a@b" }, { name = "B" }]
dependencies = ["numpy>=1.26", 'flwr[simulation]>=1.20; python_version < "3.13"']

[tool.flwr.app]
publisher = "lab"
EXTRA_APP
[tool.flwr.app.components]
serverapp = "a.server_app:app"
clientapp = "a.client_app:app"

[tool.flwr.app.config]
rounds = 3
big = 9223372036854775807
small = -9223372036854775808
hex = 0xDEAD_BEEF
rate = 1.0
tiny = 1e-7
huge = 1e21
long = 123456789.123456
zero = -0.0
on = true
text = 'C:\\path "x"'
nested.inner.value = 0.5

[tool.flwr.federations]
default = "lab"
[tool.flwr.federations.lab]
address = "localhost:9093"

[tool.other]
when = 1979-05-27T07:32:00Z
offset = 1979-05-27T00:32:00.999999-07:00
day = 1979-05-27
local = 1979-05-27T07:32:00
time = 07:32:00.5
mixed = [1, 2.0, "three", [4, 5.5], { six = 6 }]
empty = []
none = {}
"dotted.key" = 1
"ключ" = "значение"
limit = inf
small = 0.00001
large = 1.5e16
tab = "a\\tb\\u007f"
wide = [{ text = "WIDE" }, { text = "b" }]
narrow = [{ text = "a" }, { text = "b", list = [] }]
nested = [[1, [2, 3]], [], { list = [1, 2] }]

[tool.other.deep.er]
x = 1

[[tool.list]]
a = 1
[[tool.list.inner]]
b = 2.5
[[tool.list]]
a = 2
`;

const FILES: Readonly<Record<string, string>> = {
  'a/__init__.py': '',
  'a/server_app.py': 'app = 1\n',
  'a/client_app.py': 'app = 2\n',
  'a/x.py': 'x',
  'a-b/x.py': 'x',
  'a.b/x.py': 'x',
  'A/upper.py': 'x',
  'a/test_x.py': 'no',
  'a/x_test.py': 'no',
  'test_top.py': 'no',
  'contest.py': 'yes',
  'a/data.json': '{}',
  'a/rows.jsonl': '{}\n',
  'conf.yaml': 'a: 1',
  'conf.yml': 'a: 1',
  'notes.txt': 'no',
  'a/weights.npz': 'no',
  'README.md': '# r',
  'LICENSE.md': 'l',
  LICENSE: 'licence',
  'a/LICENSE': 'no',
  '.hidden.toml': 'a = 1',
  '.editorconfig': 'root = true',
  'a/__pycache__/c.py': 'no',
  'build/lib/x.py': 'no',
  'a/build/x.py': 'yes',
  'lib/x.py': 'no',
  'a/lib/x.py': 'yes',
  'x.egg/info.toml': 'no',
  '.venv/pkg/x.py': 'no',
  'env/x.py': 'no',
  'a/env/x.py': 'yes',
  'data/keep.py': 'negated',
  'data/drop.py': 'ignored',
  'logs/deep/down/run.json': 'ignored',
  'out1.json': 'ignored',
  'outx.json': 'kept',
  'sub/only-root.py': 'kept',
  'only-root.py': 'ignored',
  'sub/.gitignore': '*.py',
  'UPPER.PY': 'no',
  'ünïcode/файл.py': 'u',
  'emoji-😀.md': 'e',
  '\uffee.md': 'after BMP, before emoji',
  'spa ce/a b.py': 's',
  'd1/d2/d3/d4/d5/d6/d7/d8/d9/d10/deep.py': 'ten folders are allowed',
};

const GITIGNORE = [
  '# comment',
  '',
  'data/',
  '!data/keep.py',
  'logs',
  'out[0-9].json  ',
  '/only-root.py',
  '*.npz\r',
  '**/nothing/**',
].join('\n');

/** Writes a tree that holds every rule of facts section 5; `extraApp` are lines of `[tool.flwr.app]`. */
export async function writeNastyTree(dir: string, extraApp = ''): Promise<void> {
  const pyproject = PYPROJECT.replace('EXTRA_APP', extraApp).replace('WIDE', 'w'.repeat(90));
  await writeFiles(dir, { ...FILES, 'pyproject.toml': pyproject, '.gitignore': GITIGNORE });
  await symlink('x.py', join(dir, 'a/link.py'));
  await symlink('../a', join(dir, 'a-b/linked'));
}

async function writeFiles(dir: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
}

const SMALL = `
[project]
name = "small"
version = "0.1.0"
license = "Apache-2.0"
dependencies = []
[tool.flwr.app]
publisher = "lab"
[tool.flwr.app.components]
serverapp = "small.server_app:app"
clientapp = "small.client_app:app"
`;

function smallApp(files: Readonly<Record<string, string>>): (dir: string) => Promise<void> {
  const app = { 'pyproject.toml': SMALL, 'small/server_app.py': 'app = 1\n', 'small/client_app.py': 'app = 2\n' };
  return (dir) => writeFiles(dir, { ...app, ...files });
}

/** What people have around their code. */
const SURROUNDINGS = [
  ...['.venv/lib/python3.11/site-packages/x/__init__.py', 'venv/lib/x.py', 'env/pyvenv.py', 'sub/.venv/x.py'],
  ...[
    'build/lib/small/a.py',
    'dist/x.py',
    'lib/a.py',
    'lib64/a.py',
    'eggs/a.py',
    '.eggs/a.py',
    'parts/a.py',
    'a.egg/a.py',
  ],
  ...['tests/conftest.py', 'tests/test_a.py', 'tests/a_test.py', 'small/test.py', 'small/__pycache__/a.py'],
  ...[
    '.pytest_cache/README.md',
    '.github/workflows/a.yml',
    '.vscode/settings.json',
    '.tox/a/b.py',
    'node_modules/a.json',
  ],
  ...[
    'LICENSE',
    'LICENSE.md',
    'sub/LICENSE',
    'sub/pyproject.toml',
    'sub/.gitignore',
    '.py',
    'sub/.md',
    'Makefile',
    'a.ipynb',
  ],
];

/** In UTF-16 the last two would come the other way round, and folder by folder all that have "-" or "." in a folder's name. */
const SORTING = [
  ...[
    'a/x.py',
    'a-b/x.py',
    'a.b/x.py',
    'a/b/x.py',
    'a/b-c/x.py',
    'a.py',
    'a-.py',
    'Z/x.py',
    'B.py',
    'c.py',
    '_.py',
    '0.py',
  ],
  ...['é.py', 'e\u0301e.py', 'ü/x.py', 'z/\uffee.py', 'z/😀.py'],
];

/** Anchored, negated, with classes and wildcards; more than one of them means another thing where whole paths are asked about. */
const RULES = [
  ...[
    '/root.py',
    'only/here.py',
    '*.md',
    '!README.md',
    'logs/',
    '!logs/keep.py',
    '**/deep/*.py',
    'x?.py',
    'y[!0-9].py',
  ],
  ...[
    '# comment.py',
    '\\#odd.py',
    '  spaced.py  ',
    'doc/**',
    '!doc/a.py',
    '**/any',
    'end/**/z.py',
    '/',
    '!small/',
    '*.egg-info/',
  ],
];
const RULED = [
  ...[
    'root.py',
    'sub/root.py',
    'only/here.py',
    'sub/only/here.py',
    'README.md',
    'sub/README.md',
    'NOTES.md',
    'logs/a.py',
  ],
  ...[
    'logs/keep.py',
    'sub/logs/a.py',
    'deep/a.py',
    'sub/deep/a.py',
    'deep/more/a.py',
    'x1.py',
    'x12.py',
    'y1.py',
    'ya.py',
  ],
  ...[
    'comment.py',
    '#odd.py',
    'spaced.py',
    'doc/a.py',
    'doc/b/c.py',
    'any/a.py',
    'end/z.py',
    'end/a/b/z.py',
    'p.egg-info/a.py',
  ],
];

const named = (paths: readonly string[]) => Object.fromEntries(paths.map((path) => [path, `# ${path}\n`]));
const TINYAPP = join(import.meta.dirname, '../../fixtures/tinyapp');

/** Apps that every family must bundle to Flower's bytes, by the name of their folder. */
export const TREES: Readonly<Record<string, (dir: string) => Promise<unknown>>> = {
  tinyapp: (dir) => cp(TINYAPP, dir, { recursive: true }),
  nasty: (dir) => writeNastyTree(dir),
  excluding: (dir) => writeNastyTree(dir, 'fab-exclude = ["a-b/", "*.yml", "/LICENSE", ".gitignore", ".editorconfig"]'),
  including: (dir) => writeNastyTree(dir, 'fab-include = ["a/**/*.py", "*.md"]\nfab-exclude = ["a/x.py"]'),
  surroundings: smallApp(named(SURROUNDINGS)),
  sorting: smallApp(named(SORTING)),
  gitignored: smallApp({ ...named(RULED), '.gitignore': RULES.join('\n') }),
  bare: smallApp({}),
  ...Object.fromEntries(
    TEMPLATES.map((template) => [
      `new-${template}`,
      (dir: string) => createApp({ name: template, template, dir, publisher: 'lab' }),
    ]),
  ),
};

/** What flwr packs and we don't (security.md CF-08). */
export const SECRETS = [
  ...[
    '.flwr/apps/x.py',
    'sub/.flwr/x.py',
    '.env/lib/x.py',
    '.env.toml',
    '.ssh/notes.md',
    'credentials.toml',
    'id_rsa.md',
  ],
  ...['sub/.credentials/a.toml', '.env.json', 'keys/credentials.yaml'],
] as const;

/** An app with secrets, and with links that lead to a secret, out of the app, and to a file of the app. */
export async function writeSecretTree(dir: string): Promise<void> {
  await smallApp({ ...named(SECRETS), 'small/a.py': 'a' })(dir);
  await symlink('../.env.toml', join(dir, 'small/secret-link.toml'));
  await symlink('/etc/hostname', join(dir, 'small/outside-link.md'));
  await symlink('a.py', join(dir, 'small/inside-link.py'));
}
