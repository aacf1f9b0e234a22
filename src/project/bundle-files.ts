import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import type { App } from './app.ts';
import { gitignorePatterns, matchPatterns } from './patterns.ts';
import { fieldError } from './toml-fields.ts';

/** Folders above a file, at most: Flower refuses deeper ones. */
const MAX_DEPTH = 10;

/** What Flower considers at all, before an app's own patterns (family F4, facts section 5). */
const CONSIDERED = matchPatterns([
  ...['py', 'toml', 'md', 'yaml', 'yml', 'json', 'jsonl'].map((suffix) => `**/*.${suffix}`),
  '/.gitignore',
  '**/.editorconfig',
  '/LICENSE',
]);
const PACKED = matchPatterns([
  ...['py', 'toml', 'md', 'yaml', 'yml', 'json', 'jsonl'].map((suffix) => `**/*.${suffix}`),
  '/LICENSE',
]);
const NEVER_CONSIDERED = matchPatterns(['.flwr/**', '**/__pycache__/**']);
const NEVER_PACKED = matchPatterns([
  'pyproject.toml',
  '**/*_test.py',
  '**/test_*.py',
  ...['build', 'eggs', '.eggs', 'lib', 'lib64', 'parts'].map((folder) => `${folder}/**`),
  '*.egg',
  ...['.venv', 'env', 'venv', 'ENV', 'env.bak', 'venv.bak'].map((folder) => `${folder}/**`),
]);

/** Places where secrets live; no pattern of an app brings them back (security.md CF-08). */
const SECRET_FOLDERS = new Set(['.flwr', '.git', '.credentials', '.ssh', '.aws', '.gnupg', '.kube']);
const SECRET_NAME =
  /^(\.env.*|id_(rsa|dsa|ecdsa|ed25519).*|credentials\.(json|ya?ml|toml)|\.?pypirc.*)$|\.(pem|key|p12|pfx|jks)$/i;

/** True for a path that no bundle may hold. */
export function isSecretPath(path: string): boolean {
  const parts = path.split('/');
  const folders = parts.slice(0, -1);
  return (
    folders.some((part) => SECRET_FOLDERS.has(part.toLowerCase()) || /^\.env/i.test(part)) ||
    SECRET_NAME.test(parts.at(-1) ?? '')
  );
}

export interface BundleFiles {
  /** Paths relative to the app, sorted by code point as Flower does; without pyproject.toml. */
  readonly paths: readonly string[];
  /** What was left out for its name, though Flower would pack it. */
  readonly secret: readonly string[];
}

/**
 * Chooses the files of a bundle, the way `flwr build` does.
 * @throws INVALID_ARGUMENT CONFIG_INVALID, BUNDLE_TOO_DEEP, BUNDLE_NAME_INVALID, BUNDLE_INCOMPLETE
 */
export async function chooseFiles(app: App): Promise<BundleFiles> {
  const text = await readFile(join(app.dir, '.gitignore'), 'utf8').catch(() => '');
  const gitignored = matchPatterns(gitignorePatterns(text));
  const all = await listFiles(app.dir, '');
  const considered = all.filter((path) => CONSIDERED(path) && !NEVER_CONSIDERED(path) && !gitignored(path));
  if (!considered.includes('pyproject.toml')) {
    throw new AppError(
      'INVALID_ARGUMENT',
      'BUNDLE_INCOMPLETE',
      `${join(app.dir, '.gitignore')} ignores pyproject.toml.`,
    );
  }
  const wanted = applyPatterns(app, considered).filter((path) => PACKED(path) && !NEVER_PACKED(path));
  const paths = wanted.filter((path) => !isSecretPath(path)).sort(byCodePoint);
  for (const path of paths) checkPath(path);
  if (app.licenseFile !== undefined && !paths.includes(app.licenseFile)) {
    throw new AppError(
      'INVALID_ARGUMENT',
      'BUNDLE_INCOMPLETE',
      `${app.file}: [project] license names a file that the bundle lacks.`,
    );
  }
  return { paths, secret: wanted.filter(isSecretPath).sort(byCodePoint) };
}

/** Symbolic links are never followed; folders that can't hold a packed file are not entered. */
async function listFiles(dir: string, prefix: string): Promise<string[]> {
  const entries = await readdir(join(dir, prefix), { withFileTypes: true });
  const lists = entries.map(async (entry) => {
    const path = prefix + entry.name;
    if (entry.isFile()) return [path];
    if (!entry.isDirectory() || entry.name === '__pycache__' || SECRET_FOLDERS.has(entry.name)) return [];
    return listFiles(dir, `${path}/`);
  });
  return (await Promise.all(lists)).flat();
}

function applyPatterns(app: App, considered: readonly string[]): readonly string[] {
  const at = { file: app.file, path: 'tool.flwr.app', table: app.table };
  for (const [key, patterns] of Object.entries({ 'fab-include': app.include, 'fab-exclude': app.exclude })) {
    const idle = patterns?.find((pattern) => !considered.some(matchPatterns([pattern])));
    if (idle !== undefined) throw fieldError(at, key, `has the pattern ${JSON.stringify(idle)}, which matches no file`);
  }
  const included = app.include ? considered.filter(matchPatterns(app.include)) : considered;
  const excluded = app.exclude ? matchPatterns(app.exclude) : () => false;
  const candidates = included.filter((path) => !excluded(path));
  const unpackable = app.include ? candidates.filter((path) => !PACKED(path)) : [];
  if (unpackable.length === 0) return candidates;
  throw fieldError(at, 'fab-include', `selects files that a bundle can't hold: ${unpackable.slice(0, 5).join(', ')}`);
}

function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function checkPath(path: string): void {
  if (path.split('/').length - 1 > MAX_DEPTH) {
    throw new AppError('INVALID_ARGUMENT', 'BUNDLE_TOO_DEEP', `${path} lies more than ${MAX_DEPTH} folders deep.`);
  }
  // The manifest has one line per file, its fields parted by commas; a name that isn't UTF-8 arrives as U+FFFD.
  if (/[\p{Cc},\\\ufffd]/u.test(path)) {
    throw new AppError(
      'INVALID_ARGUMENT',
      'BUNDLE_NAME_INVALID',
      `${JSON.stringify(path)} has a character that no bundle can hold.`,
      {
        hint: 'Rename the file, or exclude it with fab-exclude or .gitignore.',
      },
    );
  }
}
