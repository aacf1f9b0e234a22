import { chown, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from '@iarna/toml';
import { AppError } from '../../core/errors.ts';
import type { Secret } from '../../core/secret.ts';
import { deriveValues } from './derive.ts';
import { readText } from './load.ts';
import { readTables } from './tables.ts';

/** A server.toml that is to be changed, and that may still lack what a server needs. */
export interface ConfigFile {
  readonly file: string;
  readonly text: string;
  /** Where people and providers reach the HTTPS port, as the configuration says it. */
  readonly publicUrl: string;
  /** Secret files (relative paths start at the folder of the configuration), then the configuration itself. */
  write(change: { readonly secrets: readonly SecretFile[]; readonly text: string }): Promise<void>;
}

export interface SecretFile {
  readonly file: string;
  readonly secret: Secret;
}

/** @throws NOT_FOUND CONFIG_NOT_FOUND, FAILED_PRECONDITION CONFIG_UNREADABLE | CONFIG_NOT_EDITABLE */
export async function openConfigFile(file: string): Promise<ConfigFile> {
  const text = await readText(file);
  const dir = dirname(resolve(file));
  return {
    file,
    text,
    publicUrl: publicUrlOf(text, file, dir),
    async write(change) {
      const owner = await stat(file);
      if ((await readFile(file, 'utf8')) !== text) throw changedMeanwhile(file);
      for (const { file: name, secret } of change.secrets) {
        await replaceFile(resolve(dir, name), `${secret.reveal()}\n`, { mode: 0o600, owner });
      }
      await replaceFile(file, change.text, { mode: owner.mode & 0o777, owner });
    },
  };
}

function publicUrlOf(text: string, file: string, dir: string): string {
  let tables: object;
  try {
    tables = parse(text);
  } catch (cause) {
    throw new AppError('FAILED_PRECONDITION', 'CONFIG_NOT_EDITABLE', `${file} is no TOML.`, {
      cause,
      hint: `fedctl server start --check --config ${file} says where.`,
    });
  }
  const { config, problems } = readTables(tables, { dir });
  const wrong = problems.find(({ path }) => path.startsWith('server.'));
  if (wrong === undefined) return deriveValues(config).server.publicUrl;
  throw new AppError('FAILED_PRECONDITION', 'CONFIG_NOT_EDITABLE', `The [server] table of ${file} is not in order.`, {
    hint: `fedctl server start --check --config ${file} says what it is.`,
  });
}

/** Whole or not at all. It belongs to whom the configuration belongs: root may set up what another user runs. */
async function replaceFile(
  file: string,
  text: string,
  { mode, owner }: { mode: number; owner: { uid: number; gid: number } },
): Promise<void> {
  const fresh = `${file}.${process.pid}.new`;
  const handle = await open(fresh, 'wx', mode);
  try {
    await handle.chmod(mode);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (process.getuid?.() === 0) await chown(fresh, owner.uid, owner.gid);
  await rename(fresh, file);
}

function changedMeanwhile(file: string): AppError {
  return new AppError('ABORTED', 'CONFIG_CHANGED', `${file} was changed by somebody else in the meantime.`, {
    hint: 'Run the command again.',
  });
}
