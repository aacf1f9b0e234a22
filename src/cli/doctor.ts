import type { Target } from '../project/target.ts';
import type { Context } from './context.ts';
import { findTarget } from './control.ts';
import { checkCredentials, checkFolder } from './doctor-files.ts';
import { checkServer } from './doctor-server.ts';
import { type Finding, failed, ok } from './finding.ts';

/** Looks at everything between this machine and a run, from the near to the far; later checks need the earlier ones. */
export async function examine(context: Context, positionals: readonly (string | undefined)[]): Promise<Finding[]> {
  let target: Target;
  try {
    target = await findTarget(context, positionals);
  } catch (error) {
    return [failed('config', error)];
  }
  const { connection } = target;
  const config = ok('config', `connection "${connection.name}" of ${connection.file}: ${connection.address}`);
  const folder = await checkFolder(connection);
  const { findings, wantsLogin } = await checkServer(context, connection);
  return [config, ...folder, ...(await checkCredentials(connection, wantsLogin)), ...findings];
}
