import type { Target } from '../project/target.ts';
import type { Context } from './context.ts';
import { findTarget } from './control.ts';
import { checkAgent } from './doctor-agent.ts';
import { checkEnvironment, checkProxy } from './doctor-environment.ts';
import { checkAuthority, checkCredentials, checkFolder } from './doctor-files.ts';
import { checkServer } from './doctor-server.ts';
import { type Finding, failed, ok } from './finding.ts';

export interface Examination {
  readonly findings: readonly Finding[];
  /** Folder of the project, where there is one. */
  readonly project: string | undefined;
  /** Names of people that the findings may tell. */
  readonly accounts: readonly string[];
}

/** Looks at everything between this machine and a run, from the near to the far; later checks need the earlier ones. */
export async function examine(context: Context, positionals: readonly (string | undefined)[]): Promise<Examination> {
  const { env, clock } = context;
  const around = checkEnvironment(env);
  let target: Target;
  try {
    target = await findTarget(context, positionals);
  } catch (error) {
    return { findings: [failed('config', error), ...around], project: undefined, accounts: [] };
  }
  const { connection } = target;
  const config = ok('config', `connection "${connection.name}" of ${connection.file}: ${connection.address}`);
  const near = [
    ...(await checkFolder(connection)),
    ...(await checkAuthority(connection, clock.now())),
    ...(await checkAgent(env)),
    ...checkProxy(connection, env),
  ];
  const { findings, wantsLogin } = await checkServer(context, connection);
  const login = await checkCredentials(context, connection, wantsLogin);
  return {
    findings: [config, ...around, ...near, ...login.findings, ...findings],
    project: connection.projectDir,
    accounts: login.account === '' ? [] : [login.account],
  };
}
