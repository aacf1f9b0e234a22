import { openHttpsBrowser } from '../../support/https-browser.ts';
import { visitKeycloak } from '../../support/keycloak-pages.ts';
import { invitePeople, type People } from '../../support/people.ts';
import type { Stage } from './shared.ts';

/** People who log in at Keycloak, each time with a browser that knows nobody. */
export function keycloakPeople({ stack, keycloak }: Stage, env: NodeJS.ProcessEnv = {}): People {
  return invitePeople(stack, env, async (user, url) => {
    await visitKeycloak({ browser: openHttpsBrowser({ ca: keycloak.tls.ca }), url, user });
  });
}
