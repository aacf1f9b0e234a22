import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { rememberedStorage } from '../credentials/accounts.ts';
import { isStorageKind, STORAGE_KINDS, type StorageKind } from '../credentials/records.ts';
import type { ChosenStorage, CredentialOptions } from '../credentials/types.ts';
import { type Connection, flowerHome } from '../project/connections.ts';
import { readTomlFile } from '../project/toml.ts';
import { optionalString, subTable } from '../project/toml-fields.ts';
import type { Context } from './context.ts';

const KEY = 'credential-storage';
const VARIABLE = 'FEDCTL_STORAGE';

/**
 * Where a new login of a connection is to be kept: what was typed, what was typed before for this connection,
 * FEDCTL_STORAGE, `credential-storage` of the project, that of `$FLWR_HOME/fedctl.toml`, else the file. Without a keyring
 * the file, with a sentence.
 * @throws INVALID_ARGUMENT STORAGE_INVALID, CONFIG_*
 */
export async function chooseStorage(
  context: Pick<Context, 'env' | 'note'>,
  { connection, options, typed }: { connection: Connection; options: CredentialOptions; typed: string | undefined },
): Promise<ChosenStorage> {
  const remembered = typed === undefined ? await rememberedStorage(options) : undefined;
  const named = typed === undefined ? remembered : checkKind(typed, '--storage');
  const kind = named ?? (await configuredStorage(context.env, connection)) ?? 'file';
  if (kind !== 'keyring') return { kind, isChosen: named !== undefined };
  const { hasKeyring } = await import('../credentials/keyring.ts');
  if (await hasKeyring()) return { kind, isChosen: named !== undefined };
  context.note('There is no keyring on this computer, so a new login is kept in a private file.');
  return { kind: 'file', isChosen: false };
}

async function configuredStorage(env: NodeJS.ProcessEnv, { projectDir }: Connection): Promise<StorageKind | undefined> {
  if (env[VARIABLE]) return checkKind(env[VARIABLE], VARIABLE);
  const file = projectDir === undefined ? undefined : join(projectDir, 'pyproject.toml');
  const project = file === undefined ? undefined : await storageIn(file, 'tool.fedctl');
  return project ?? (await storageIn(join(flowerHome(env), 'fedctl.toml'), ''));
}

async function storageIn(file: string, section: string): Promise<StorageKind | undefined> {
  const table = await readTomlFile(file);
  const whole = table && { file, path: '', table };
  const at = whole && section !== '' ? subTable(whole, section) : whole;
  const text = at && optionalString(at, KEY);
  return text === undefined ? undefined : checkKind(text, `${KEY} in ${file}`);
}

function checkKind(text: string, named: string): StorageKind {
  if (isStorageKind(text)) return text;
  const message = `${named}: ${JSON.stringify(text.slice(0, 40))} is no way to keep a login.`;
  throw new AppError('INVALID_ARGUMENT', 'STORAGE_INVALID', message, { hint: `Ways: ${STORAGE_KINDS.join(', ')}.` });
}

/** Grants that need nobody: what is kept nowhere can be made anew. */
const UNATTENDED: readonly string[] = ['ci', 'client_credentials'];

/** @throws FAILED_PRECONDITION STORAGE_NONE_NEEDS_AGENT for a login that nobody would have: it is on no disk */
export function checkKept({ env }: Pick<Context, 'env'>, storage: ChosenStorage | undefined, grant: string): void {
  if (storage?.kind !== 'none' || env.FEDCTL_AGENT_SOCK || UNATTENDED.includes(grant)) return;
  const text = 'With the storage "none" a login lives in the agent, and none is running in this shell.';
  throw new AppError('FAILED_PRECONDITION', 'STORAGE_NONE_NEEDS_AGENT', text, {
    hint: 'Run: eval "$(fedctl agent)"; or log in as a machine (--grant ci, --client-id), which is done again for each command.',
  });
}
