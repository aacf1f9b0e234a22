import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { AppError } from '../core/errors.ts';
import type { App } from './app.ts';
import type { FamilyRules } from './bundle-families.ts';
import { secretPart } from './bundle-secrets.ts';
import { gitignorePatterns, matchPatterns, type PathMatcher } from './patterns.ts';
import { fieldError } from './toml-fields.ts';

export interface BundleFiles {
  /** Paths relative to the app, in the family's order; without pyproject.toml. */
  readonly paths: readonly string[];
  /** Sentences: what was left out to be safe, though Flower would pack it. */
  readonly warnings: readonly string[];
}

/**
 * Chooses the files of a bundle, the way that family of `flwr build` does.
 * @throws INVALID_ARGUMENT CONFIG_INVALID, BUNDLE_TOO_DEEP, BUNDLE_NAME_INVALID, BUNDLE_INCOMPLETE
 */
export async function chooseFiles(app: App, family: FamilyRules): Promise<BundleFiles> {
  const root = await realpath(app.dir);
  const all = await listFiles(root, '', family.links === 'followed');
  const isIgnored = await ignoredBy(root, all, family);
  const isConsidered = matchPatterns(family.considered);
  const considered = all.filter((path) => isConsidered(path) && !isIgnored(path));
  // Up to 1.27 it is packed whatever .gitignore says.
  if (family.gitignore === 'apart' && !considered.includes('pyproject.toml')) {
    const text = `${join(app.dir, '.gitignore')} ignores pyproject.toml.`;
    throw new AppError('INVALID_ARGUMENT', 'BUNDLE_INCOMPLETE', text);
  }
  const [isPacked, isNotPacked] = [matchPatterns(family.packed), matchPatterns(family.notPacked)];
  const candidates = family.ownPatterns ? applyPatterns(app, considered, isPacked) : considered;
  const wanted = candidates.filter((path) => isPacked(path) && !isNotPacked(path)).sort(family.order);
  const { paths, warnings } = await withoutSecrets(root, wanted, family);
  for (const path of paths) checkPath(path, family);
  checkLicense(app, paths);
  return { paths, warnings };
}

/** All files below `root`; folders that can't hold a packed file are not entered, nor are links to folders. */
async function listFiles(root: string, prefix: string, withLinks: boolean): Promise<string[]> {
  const entries = await readdir(join(root, prefix), { withFileTypes: true });
  const lists = entries.map(async (entry) => {
    const path = prefix + entry.name;
    if (entry.isFile()) return [path];
    if (entry.isSymbolicLink()) return withLinks && (await leadsToFile(join(root, path))) ? [path] : [];
    if (!entry.isDirectory() || entry.name === '__pycache__' || entry.name === '.git') return [];
    return listFiles(root, `${path}/`, withLinks);
  });
  return (await Promise.all(lists)).flat();
}

async function leadsToFile(link: string): Promise<boolean> {
  return stat(link).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function ignoredBy(root: string, all: readonly string[], family: FamilyRules): Promise<PathMatcher> {
  const text = all.includes('.gitignore') ? await readFile(join(root, '.gitignore'), 'utf8') : '';
  const own = gitignorePatterns(text);
  const lists = family.gitignore === 'appended' ? [[...family.ignored, ...own]] : [family.ignored, own];
  const matchers = lists.map(matchPatterns);
  const base = family.gitignoreBase === 'disk' ? `${root}/`.slice(1) : '';
  return (path) => matchers.some((isMatch) => isMatch(base + path));
}

function applyPatterns(app: App, considered: readonly string[], isPacked: PathMatcher): readonly string[] {
  const at = { file: app.file, path: 'tool.flwr.app', table: app.table };
  for (const [key, patterns] of Object.entries({ 'fab-include': app.include, 'fab-exclude': app.exclude })) {
    const idle = patterns?.find((pattern) => !considered.some(matchPatterns([pattern])));
    if (idle !== undefined) throw fieldError(at, key, `has the pattern ${JSON.stringify(idle)}, which matches no file`);
  }
  const included = app.include ? considered.filter(matchPatterns(app.include)) : considered;
  const excluded = app.exclude ? matchPatterns(app.exclude) : () => false;
  const candidates = included.filter((path) => !excluded(path));
  const unpackable = app.include ? candidates.filter((path) => !isPacked(path)) : [];
  if (unpackable.length === 0) return candidates;
  throw fieldError(at, 'fab-include', `selects files that a bundle can't hold: ${unpackable.slice(0, 5).join(', ')}`);
}

/** Parts from the paths what no bundle of ours may hold, and says so once for each folder (security.md CF-08). */
async function withoutSecrets(root: string, wanted: readonly string[], family: FamilyRules): Promise<BundleFiles> {
  const warnings = new Set<string>();
  const paths: string[] = [];
  for (const path of wanted) {
    const fault = nameFault(path) ?? (family.links === 'followed' ? await linkFault(root, path) : undefined);
    if (fault === undefined) paths.push(path);
    else warnings.add(fault);
  }
  return { paths, warnings: [...warnings] };
}

function nameFault(path: string): string | undefined {
  const part = secretPart(path);
  return part === undefined ? undefined : `${part} was left out: it looks like a secret.`;
}

/** A link packs what it leads to: outside of the app, or at a secret, that is nobody's intention. */
async function linkFault(root: string, path: string): Promise<string | undefined> {
  const target = relative(root, await realpath(join(root, path)));
  if (target === path) return undefined;
  if (target.startsWith('../')) return `${path} was left out: it leads out of the app.`;
  return secretPart(target) === undefined ? undefined : `${path} was left out: it leads to what looks like a secret.`;
}

function checkPath(path: string, family: FamilyRules): void {
  const { maxDepth } = family;
  if (maxDepth !== undefined && path.split('/').length - 1 > maxDepth) {
    throw new AppError('INVALID_ARGUMENT', 'BUNDLE_TOO_DEEP', `${path} lies more than ${maxDepth} folders deep.`);
  }
  // The manifest has one line per file, its fields parted by commas; a name that isn't UTF-8 arrives as U+FFFD.
  if (/[\p{Cc},\\\ufffd]/u.test(path)) {
    const text = `${JSON.stringify(path)} has a character that no bundle can hold.`;
    throw new AppError('INVALID_ARGUMENT', 'BUNDLE_NAME_INVALID', text, {
      hint: 'Rename the file, or exclude it with fab-exclude or .gitignore.',
    });
  }
}

function checkLicense(app: App, paths: readonly string[]): void {
  if (app.licenseFile === undefined || paths.includes(app.licenseFile)) return;
  const text = `${app.file}: [project] license names a file that the bundle lacks.`;
  throw new AppError('INVALID_ARGUMENT', 'BUNDLE_INCOMPLETE', text);
}
