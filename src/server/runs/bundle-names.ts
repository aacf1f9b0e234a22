import { bundleError, quoted } from './bundle-errors.ts';

const MAX_NAME = 1024;
const MAX_SEGMENT = 255;

/** Folders and files that never belong into a bundle, whoever built it (security.md CF-08, T-17). Lower case. */
const FORBIDDEN_SEGMENTS: ReadonlySet<string> = new Set(['.flwr', '.git', '.credentials', '.ssh', '.aws', '.gnupg']);
const FORBIDDEN_FILES: readonly RegExp[] = [
  /^\.env/,
  /\.(pem|key|p12|pfx|jks|keystore|ppk)$/,
  /^id_(rsa|dsa|ecdsa|ed25519)(_sk)?$/,
  /^\.(netrc|pypirc|npmrc|pgpass)$/,
];

/** Collects a bundle's names and refuses each that is unsafe, forbidden or there twice (security.md T-23). */
export function createNameCheck(): (name: string) => void {
  const files = new Set<string>();
  const folders = new Set<string>();
  return (name) => {
    checkShape(name);
    checkForbidden(name);
    const folded = fold(name);
    if (files.has(folded) || folders.has(folded)) throw duplicate(name);
    files.add(folded);
    for (let slash = folded.indexOf('/'); slash !== -1; slash = folded.indexOf('/', slash + 1)) {
      const folder = folded.slice(0, slash);
      if (files.has(folder)) throw duplicate(name);
      folders.add(folder);
    }
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

function checkForbidden(name: string): void {
  const segments = fold(name).split('/');
  const file = segments.at(-1) ?? '';
  const isForbidden =
    segments.some((segment) => FORBIDDEN_SEGMENTS.has(segment) || /^\.env/.test(segment)) ||
    FORBIDDEN_FILES.some((pattern) => pattern.test(file));
  if (!isForbidden) return;
  throw bundleError(
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
