import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../core/errors.ts';
import type { ServerConfig } from './types.ts';

/**
 * Makes the folders that the server writes to, private to this user; those that stand are left as they are.
 * @throws FAILED_PRECONDITION STATE_UNUSABLE
 */
export async function prepareState({ server, database }: ServerConfig): Promise<void> {
  for (const folder of new Set([server.stateDir, dirname(database.path ?? server.stateDir)])) {
    await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      throw new AppError('FAILED_PRECONDITION', 'STATE_UNUSABLE', `Can't make the folder ${folder}: ${error.code}.`, {
        hint: 'Set [server] state-dir to a folder that this user may write to.',
        cause: error,
      });
    });
  }
}
