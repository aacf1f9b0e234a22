import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFiles } from './files.ts';

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
