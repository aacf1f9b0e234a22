import { openHttpsBrowser } from '../../support/https-browser.ts';
import { visitKeycloak } from '../../support/keycloak-pages.ts';
import { invitePeople, type People, type Person } from '../../support/people.ts';
import type { Stage } from './shared.ts';

/** People who log in at Keycloak, each time with a browser that knows nobody. */
export function keycloakPeople({ stack, keycloak }: Stage, env: NodeJS.ProcessEnv = {}): People {
  return invitePeople(stack, env, async (user, url) => {
    await visitKeycloak({ browser: openHttpsBrowser({ ca: keycloak.tls.ca }), url, user });
  });
}

/** Starts `fedctl login` for a browser elsewhere; resolves when it shows where to go. */
export async function startLogin(person: Person, ...flags: string[]) {
  const program = person.start('login', '--no-launch-browser', ...flags);
  await program.until('fedctl-login: url=');
  const url = /^fedctl-login: url=(\S+)/m.exec(program.err())?.[1] ?? '';
  return { url, ended: program.ended };
}
