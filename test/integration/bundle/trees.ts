import { cp, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createApp, TEMPLATES } from '../../../src/project/new.ts';
import { writeFiles } from './files.ts';
import { writeNastyTree } from './nasty-tree.ts';

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
