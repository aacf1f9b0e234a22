import { access, mkdir, open, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { renderTemplate, type TemplateValues } from './template.ts';

export interface InitRequest {
  /** Folder for server.toml and the master key. */
  readonly dir: string;
  readonly values: TemplateValues;
  /** Overwrite server.toml. The master key is never overwritten: it opens what is stored. */
  readonly force: boolean;
  /** Makes a new key file; fails where there is one. */
  createMasterKey(file: string): Promise<void>;
}

export interface InitResult {
  readonly configFile: string;
  readonly masterKeyFile: string;
  /** False: there was a master key, and it stays. */
  readonly masterKeyMade: boolean;
}

/**
 * Writes a commented server.toml (0600) and a master key beside it.
 * @throws ALREADY_EXISTS CONFIG_EXISTS, FAILED_PRECONDITION DIRECTORY_UNUSABLE; nothing is changed then
 */
export async function initServer(request: InitRequest): Promise<InitResult> {
  const dir = resolve(request.dir);
  const configFile = join(dir, 'server.toml');
  const masterKeyFile = join(dir, 'master.key');
  if (!request.force && (await exists(configFile))) throw configExists(configFile);
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const masterKeyMade = !(await exists(masterKeyFile));
    if (masterKeyMade) await request.createMasterKey(masterKeyFile);
    await writePrivate(configFile, renderTemplate(request.values));
    return { configFile, masterKeyFile, masterKeyMade };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!/^E[A-Z]+$/.test(code)) throw error;
    throw new AppError('FAILED_PRECONDITION', 'DIRECTORY_UNUSABLE', `Can't write into ${dir}: ${code}.`, {
      cause: error,
    });
  }
}

/** Whole or not at all: a new file that takes the place of the old one. */
async function writePrivate(file: string, text: string): Promise<void> {
  const handle = await open(`${file}.new`, 'w', 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function configExists(file: string): AppError {
  return new AppError('ALREADY_EXISTS', 'CONFIG_EXISTS', `${file} exists already.`, {
    hint: 'Use --dir for another folder, or --force to write it anew (the master key stays).',
  });
}
