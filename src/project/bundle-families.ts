import type { BundleFamily } from '../core/engine.ts';

/** How the releases of one family bundle an app (facts section 5). Patterns are those of a .gitignore. */
export interface FamilyRules {
  /** The releases, for people. */
  readonly releases: string;
  /** What is looked at. */
  readonly considered: readonly string[];
  /** What is not looked at. */
  readonly ignored: readonly string[];
  /** "appended": .gitignore goes on after `ignored`, so that a negation there brings back what stands here. "apart": it only takes away. */
  readonly gitignore: 'appended' | 'apart';
  /** What .gitignore's patterns are asked about: a path in the app, or the whole path, where "/x.py" means the root of the disk. */
  readonly gitignoreBase: 'app' | 'disk';
  /** What may be packed of what is looked at, and what may not; the app's own patterns (fab-include, fab-exclude) come between. */
  readonly packed: readonly string[];
  readonly notPacked: readonly string[];
  readonly ownPatterns: boolean;
  /** Links to files: packed as the file that they lead to, or left out. Links to folders are never followed. */
  readonly links: 'followed' | 'skipped';
  /** Folders above a file, at most. */
  readonly maxDepth: number | undefined;
  /** Order of the entries after pyproject.toml. */
  readonly order: (a: string, b: string) => number;
  /** Text of .info/CONTENT: its lines are `<path>,<SHA-256>,<size in bits>`; the first one is that of pyproject.toml. */
  readonly manifest: (lines: readonly string[]) => string;
}

const files = (suffixes: readonly string[]) => suffixes.map((suffix) => `**/*.${suffix}`);
const inside = (folders: readonly string[]) => folders.map((folder) => `${folder}/**`);

const CODE = files(['py', 'toml', 'md']);
const CODE_AND_DATA = [...CODE, ...files(['yaml', 'yml', 'json', 'jsonl']), '/LICENSE'];
const PROJECT = 'pyproject.toml';

function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Folder by folder: "a/x" before "a-b/x", though "-" comes before "/". */
function byParts(a: string, b: string): number {
  // A NUL, which no path holds, comes before all else.
  return byCodePoint(a.replaceAll('/', '\0'), b.replaceAll('/', '\0'));
}

const withoutProject = (lines: readonly string[]) => lines.slice(1).map((line) => `${line}\n`);

const F1: FamilyRules = {
  releases: '1.18 to 1.22',
  // Python's suffix: a file that is named ".py" has none.
  considered: files(['py', 'toml', 'md']).map((pattern) => pattern.replace('*.', '?*.')),
  ignored: ['__pycache__/'],
  gitignore: 'appended',
  gitignoreBase: 'disk',
  packed: ['*'],
  notPacked: [PROJECT],
  ownPatterns: false,
  links: 'followed',
  maxDepth: undefined,
  order: byParts,
  manifest: (lines) => withoutProject(lines).join(''),
};

const F2: FamilyRules = {
  ...F1,
  releases: '1.23 to 1.26',
  considered: CODE,
  ignored: ['.flwr/**', '**/__pycache__/**', PROJECT],
  gitignoreBase: 'app',
  notPacked: [`/${PROJECT}`],
  order: byCodePoint,
};

const F3: FamilyRules = {
  ...F2,
  releases: '1.27',
  considered: [...CODE, '/LICENSE'],
  manifest: (lines) => lines.join('\n'),
};

const F4: FamilyRules = {
  ...F3,
  releases: '1.28 and later',
  considered: [...CODE_AND_DATA, '/.gitignore', '**/.editorconfig'],
  ignored: ['.flwr/**', '**/__pycache__/**'],
  gitignore: 'apart',
  packed: CODE_AND_DATA,
  notPacked: [
    PROJECT,
    ...['**/*_test.py', '**/test_*.py', '*.egg'],
    ...inside(['build', 'eggs', '.eggs', 'lib', 'lib64', 'parts']),
    ...inside(['.venv', 'env', 'venv', 'ENV', 'env.bak', 'venv.bak']),
  ],
  ownPatterns: true,
  links: 'skipped',
  maxDepth: 10,
};

export const FAMILIES: Readonly<Record<BundleFamily, FamilyRules>> = { 1: F1, 2: F2, 3: F3, 4: F4 };
