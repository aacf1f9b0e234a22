import { bundleError, quoted } from './bundle-errors.ts';

export const MANIFEST = '.info/CONTENT';
/** 10,000 lines of a long path, a hash and a size. */
export const MAX_MANIFEST = 4 * 1024 * 1024;

/** What an entry turned out to be. */
export interface Digest {
  readonly sha256: string;
  readonly size: number;
}

/**
 * Compares a manifest with the entries. A line is `<path>,<sha256>,<size in bits>`; releases before 1.27 end each line
 * with a newline and leave pyproject.toml out, later ones do neither (facts section 5).
 * @throws INVALID_ARGUMENT BUNDLE_MANIFEST_MISMATCH
 */
export function checkManifest(text: string, digests: ReadonlyMap<string, Digest>): void {
  const missing = new Set(digests.keys());
  missing.delete(MANIFEST);
  const seen = new Set<string>();
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const { path, sha256, bits } = parseLine(line);
    const found = digests.get(path);
    if (found === undefined) throw mismatch(`lists ${quoted(path)}, which is not there`);
    if (seen.has(path)) throw mismatch(`lists ${quoted(path)} twice`);
    seen.add(path);
    missing.delete(path);
    if (found.sha256 !== sha256 || BigInt(found.size) * 8n !== bits) throw mismatch(`does not fit ${quoted(path)}`);
  }
  missing.delete('pyproject.toml');
  const [unlisted] = missing;
  if (unlisted !== undefined) throw mismatch(`does not list ${quoted(unlisted)}`);
}

function parseLine(line: string): { path: string; sha256: string; bits: bigint } {
  // A path may hold commas: hash and size are the last two fields.
  const match = /^(.{1,1024}),([0-9a-f]{64}),([0-9]{1,12})$/.exec(line);
  if (match === null) throw mismatch(`has a line that can't be read: ${quoted(line)}`);
  const [, path = '', sha256 = '', bits = ''] = match;
  return { path, sha256, bits: BigInt(bits) };
}

function mismatch(what: string) {
  return bundleError('BUNDLE_MANIFEST_MISMATCH', `The bundle's manifest ${what}.`);
}
