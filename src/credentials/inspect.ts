import { lstatSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';

export interface CredentialFinding {
  readonly level: 'error' | 'warning';
  /** One sentence. */
  readonly text: string;
  /** The command that corrects it. */
  readonly fix: string;
}

/**
 * What is wrong with the modes and owners around a credential file; for `doctor`. Nothing is changed.
 * A project that its group can write is a warning only (design: CLI contract).
 */
export function inspectCredentialPath(path: string): readonly CredentialFinding[] {
  const inner = dirname(path);
  const outer = dirname(inner);
  const meta = path.replace(/\.json$/, '.meta.json');
  return [
    ...inspect(path, 0o077, 'error', `chmod 600 ${path}`),
    ...inspect(meta, 0o077, 'error', `chmod 600 ${meta}`),
    ...inspect(inner, 0o077, 'error', `chmod 700 ${inner}`),
    ...inspect(outer, 0o022, 'error', `chmod go-w ${outer}`),
    ...inspect(dirname(outer), 0o022, 'warning', `chmod go-w ${dirname(outer)}`),
  ];
}

function inspect(path: string, forbidden: number, level: CredentialFinding['level'], fix: string): CredentialFinding[] {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  return problemsOf(stat, forbidden).map((problem) => ({ level, text: `${path} ${problem}.`, fix }));
}

function problemsOf(stat: Stats, forbidden: number): string[] {
  const uid = process.getuid?.();
  return [
    ...(stat.isSymbolicLink() ? ['is a symbolic link'] : []),
    ...(uid !== undefined && stat.uid !== uid ? ['belongs to another user'] : []),
    ...(!stat.isSymbolicLink() && (stat.mode & forbidden) !== 0 ? ['is open to others'] : []),
  ];
}
