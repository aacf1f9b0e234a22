import { basename, dirname, join } from 'node:path';
import { checkConnectionName } from '../core/ids.ts';
import { openPrivateDir, type PrivateDir } from './private-dir.ts';
import { checkAccountName } from './records.ts';
import type { CredentialOptions } from './types.ts';

/** Where a login is: one of those of a connection. */
export interface LoginPlace extends CredentialOptions {
  /** Path of the file itself, for people; `path` is that of the connection's active login. */
  readonly file: string;
  /** What its files' names begin with: "lab", "lab~bob". */
  readonly stem: string;
  readonly tokensName: string;
  readonly metaName: string;
  readonly lockName: string;
  readonly now: () => number;
}

/** @throws INVALID_ARGUMENT CONNECTION_NAME_INVALID, ACCOUNT_NAME_INVALID where the path names no credential file */
export function placeOf(options: CredentialOptions): LoginPlace {
  const name = checkConnectionName(basename(options.path, '.json'));
  const stem = options.account === undefined ? name : `${name}~${checkAccountName(options.account)}`;
  return {
    ...options,
    now: options.now ?? Date.now,
    file: join(dirname(options.path), `${stem}.json`),
    stem,
    tokensName: `${stem}.json`,
    metaName: `${stem}.meta.json`,
    // One for all accounts of a connection: they change places under it.
    lockName: `${name}.json.lock`,
  };
}

/** `.flwr` (or `$FLWR_HOME`) and `.credentials` in it, both held open. */
export interface LoginDirs {
  readonly outer: PrivateDir;
  readonly inner: PrivateDir;
  [Symbol.dispose](): void;
}

/** @returns undefined where one is missing and `create` is false */
export function openDirs({ path }: LoginPlace, create: boolean): LoginDirs | undefined {
  const innerPath = dirname(path);
  const outer = openPrivateDir(dirname(innerPath), { create, tightenTo: 0o755 });
  if (outer === undefined) return undefined;
  try {
    const parent = { dir: outer, name: basename(innerPath) };
    const inner = openPrivateDir(innerPath, { create, tightenTo: 0o700 }, parent);
    if (inner !== undefined) return { outer, inner, [Symbol.dispose]: () => closeBoth(inner, outer) };
  } catch (error) {
    outer[Symbol.dispose]();
    throw error;
  }
  outer[Symbol.dispose]();
  return undefined;
}

function closeBoth(inner: PrivateDir, outer: PrivateDir): void {
  inner[Symbol.dispose]();
  outer[Symbol.dispose]();
}
