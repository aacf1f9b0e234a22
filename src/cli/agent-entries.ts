import { AppError } from '../core/errors.ts';
import { askAgent } from '../credentials/agent-client.ts';
import type { ListedEntry } from '../credentials/agent-protocol.ts';
import type { Context } from './context.ts';
import { findTarget } from './control.ts';

/**
 * What the agent at `socket` holds of one connection; of all where none is named.
 * @throws FAILED_PRECONDITION AGENT_LOCKED
 */
export async function entriesOf(
  context: Context,
  socket: string,
  positionals: readonly (string | undefined)[],
): Promise<readonly ListedEntry[]> {
  const { locked, entries = [] } = await askAgent(socket, { op: 'list' });
  if (locked) {
    throw new AppError('FAILED_PRECONDITION', 'AGENT_LOCKED', 'The agent is locked.', {
      hint: 'Run: fedctl agent unlock',
    });
  }
  if (positionals.every((one) => one === undefined)) return entries;
  const { connection } = await findTarget(context, positionals);
  return entries.filter(({ file, server }) => isOf(connection.credentialsPath, file) && server === connection.address);
}

/** Its file, or that of another account of the connection. */
function isOf(credentialsPath: string, file: string): boolean {
  return file === credentialsPath || file.startsWith(`${credentialsPath.slice(0, -'.json'.length)}~`);
}

/** "1 entry", "3 entries" */
export function entryCount(count: number): string {
  return `${count} ${count === 1 ? 'entry' : 'entries'}`;
}
