import { bundleError, quoted } from './bundle-errors.ts';

const MAX_NAME = 1024;
const MAX_SEGMENT = 255;

/** Folders and files that never belong into a bundle, whoever built it (security.md CF-08, T-17). Lower case. */
const FORBIDDEN_FOLDERS: ReadonlySet<string> = new Set(['.flwr', '.git', '.credentials', '.ssh', '.aws', '.gnupg']);
const FORBIDDEN_FILES: readonly RegExp[] = [
  /^\.env/,
  /\.(pem|key|p12|pfx|jks|keystore|ppk)$/,
  /^id_(rsa|dsa|ecdsa|ed25519)(_sk)?$/,
  /^\.(netrc|pypirc|npmrc|pgpass)$/,
];

/**
 * What an unmodified flwr up to 1.27 sends along where it lies in the app's folder, though it is not the app (facts
 * section 5): the apps that it has installed there, and environments of Python. Code, no credentials: it is let through,
 * even below a forbidden folder, and told to whoever runs the server. From the start of a folder's name on; lower case.
 */
const CARRIED: readonly RegExp[] = [
  /^\.flwr\/apps\/(?=[^/]+\/)/,
  /^(\.?env|\.?venv)[^/]*\/(lib|lib64)\/python[\d.]+\/site-packages\//,
  /^(\.?env|\.?venv)[^/]*\/bin\/(?=[^/]+\.py$)/,
];

export interface NameCheck {
  /** @throws INVALID_ARGUMENT BUNDLE_ENTRY_UNSAFE | BUNDLE_ENTRY_FORBIDDEN | BUNDLE_ENTRY_DUPLICATE */
  check(name: string): void;
  /** Folders, with their slash, of what is not the app and was let through. */
  carried(): readonly string[];
}

/** Collects a bundle's names and refuses each that is unsafe, forbidden or there twice (security.md T-23). */
export function createNameCheck(): NameCheck {
  const files = new Set<string>();
  const folders = new Set<string>();
  const carried = new Set<string>();
  return {
    check(name) {
      checkShape(name);
      const folded = fold(name);
      checkForbidden(name, folded, carried);
      if (files.has(folded) || folders.has(folded)) throw duplicate(name);
      files.add(folded);
      for (let slash = folded.indexOf('/'); slash !== -1; slash = folded.indexOf('/', slash + 1)) {
        const folder = folded.slice(0, slash);
        if (files.has(folder)) throw duplicate(name);
        folders.add(folder);
      }
    },
    carried: () => [...carried],
  };
}

function checkShape(name: string): void {
  const what = shapeFault(name);
  if (what !== undefined) throw bundleError('BUNDLE_ENTRY_UNSAFE', `Entry ${quoted(name)} of the bundle ${what}.`);
}

function shapeFault(name: string): string | undefined {
  if (name === '') return 'has no name';
  if (name.length > MAX_NAME) return 'has a name that is too long';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) return 'has control characters in its name';
  if (name.includes('\\')) return 'has a backslash in its name';
  if (name.startsWith('/')) return 'has an absolute name';
  if (/^[A-Za-z]:/.test(name)) return 'names a drive';
  if (name.endsWith('/')) return 'is a folder; a bundle holds regular files only';
  const segments = name.split('/');
  if (segments.includes('..')) return 'leaves the bundle with ".."';
  if (segments.some((segment) => segment === '' || segment === '.')) return 'has an empty or "." part in its name';
  if (segments.some((segment) => segment.length > MAX_SEGMENT)) return 'has a name that is too long';
  return undefined;
}

function checkForbidden(name: string, folded: string, carried: Set<string>): void {
  let at = 0;
  for (let slash = folded.indexOf('/'); slash !== -1; slash = folded.indexOf('/', at)) {
    const folder = folded.slice(at, slash);
    const allowed = /^(\.|env|venv)/.test(folder) ? carriedPart(folded.slice(at)) : undefined;
    if (allowed !== undefined) carried.add(folded.slice(0, at + allowed.length));
    else if (FORBIDDEN_FOLDERS.has(folder) || folder.startsWith('.env')) throw forbidden(name);
    at = allowed === undefined ? slash + 1 : at + allowed.length;
  }
  if (FORBIDDEN_FILES.some((pattern) => pattern.test(folded.slice(at)))) throw forbidden(name);
}

function carriedPart(path: string): string | undefined {
  return CARRIED.map((pattern) => pattern.exec(path)?.[0]).find((found) => found !== undefined);
}

function forbidden(name: string) {
  return bundleError(
    'BUNDLE_ENTRY_FORBIDDEN',
    `The bundle holds ${quoted(name)}, which may contain credentials.`,
    'Move it out of the app, or list it in .gitignore, and build again.',
  );
}

/** Equal for names that one file system or another takes for the same: NFC, case folded (upper first: "ß" is "SS"). */
function fold(name: string): string {
  return name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}

function duplicate(name: string) {
  return bundleError(
    'BUNDLE_ENTRY_DUPLICATE',
    `The bundle holds ${quoted(name)} twice (upper and lower case count as equal).`,
  );
}
