import type { ServerOptions } from './main.ts';

/**
 * Crash points for tests (security.md F-25): `FEDCTL_FAILPOINTS=submit.after-row` ends the process by SIGKILL when it
 * gets there. Only with NODE_ENV=test; otherwise there are none, whatever the variable says.
 */
export function failpointsFrom(env: NodeJS.ProcessEnv): Pick<ServerOptions, 'failpoint'> {
  const name = env.FEDCTL_FAILPOINTS;
  if (env.NODE_ENV !== 'test' || !name) return {};
  return {
    failpoint: (reached) => {
      if (reached === name) process.kill(process.pid, 'SIGKILL');
    },
  };
}
