import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { expire } from '../slow/logins.ts';
import { openHttpsBrowser } from '../support/https-browser.ts';
import { adminOf } from '../support/keycloak.ts';
import type { KeycloakAdmin } from '../support/keycloak-admin.ts';
import { visitKeycloak } from '../support/keycloak-pages.ts';
import type { Person } from '../support/people.ts';
import { until } from '../support/until.ts';
import { keycloakPeople, startLogin } from './stage/people.ts';
import { sharedStage } from './stage/shared.ts';

const stage = sharedStage();
// Fifty processes on a few cores take longer than one call is usually given.
const people = keycloakPeople(stage, { FEDCTL_TIMEOUT: '90' });
let admin: KeycloakAdmin;

beforeAll(async () => {
  admin = await adminOf({ origin: stage.origin, ca: stage.keycloak.tls.ca });
});
afterAll(() => people.leave());

/** How often Keycloak has seen an event since the last `clearEvents`. */
async function count(type: string): Promise<number> {
  return (await admin.events()).filter((event) => event.type === type).length;
}

const expireOf = ({ home }: Person) => expire({ home, facts: stage.stack });

describe('renewal, with rotation and detection of reuse at Keycloak', () => {
  test('RT-01: each renewal here is one there, with the newest refresh token', async () => {
    const carol = people.person('carol');
    expect(await carol.login()).toMatchObject({ code: 0 });
    await admin.clearEvents();
    for (let renewal = 1; renewal <= 3; renewal += 1) {
      await expireOf(carol);
      expect(await carol.fedctl('whoami')).toMatchObject({ code: 0 });
      expect(await count('REFRESH_TOKEN')).toBe(renewal);
    }
    expect(await count('REFRESH_TOKEN_ERROR')).toBe(0);
  }, 60_000);

  test('RT-02, RT-04: 50 processes with one expired token: one refresh at Keycloak, nobody is logged out', async () => {
    const alice = people.person('alice');
    expect(await alice.login()).toMatchObject({ code: 0 });
    await expireOf(alice);
    await admin.clearEvents();
    const results = await Promise.all(Array.from({ length: 50 }, () => alice.fedctl('whoami')));
    expect(results.filter(({ code }) => code !== 0)).toEqual([]);
    expect(await count('REFRESH_TOKEN')).toBe(1);
    expect(await count('REFRESH_TOKEN_ERROR')).toBe(0);
    await expireOf(alice);
    expect(await alice.fedctl('whoami')).toMatchObject({ code: 0 });
    expect(await count('REFRESH_TOKEN')).toBe(2);
  }, 240_000);

  test('F-06: somebody who was disabled at Keycloak is out at the next renewal', async () => {
    const bob = people.person('bob');
    expect(await bob.login()).toMatchObject({ code: 0 });
    await admin.setEnabled('bob', false);
    try {
      await expireOf(bob);
      const { code, stderr } = await bob.fedctl('whoami');
      expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('fedctl login') });
    } finally {
      await admin.setEnabled('bob', true);
    }
    expect(await bob.fedctl('whoami')).toMatchObject({ code: 3 });
  }, 60_000);
});

describe('logout', () => {
  test('RV-01: logout here ends the session there', async () => {
    const bob = people.person('bob');
    await admin.logOut('bob');
    const before = (await admin.sessions('bob', 'fedctl')).length;
    expect(await bob.login('--force')).toMatchObject({ code: 0 });
    expect((await admin.sessions('bob', 'fedctl')).length).toBeGreaterThan(before);
    await admin.clearEvents();
    expect(await bob.fedctl('logout')).toMatchObject({ code: 0 });
    expect((await count('REVOKE_GRANT')) + (await count('LOGOUT'))).toBeGreaterThan(0);
    expect(await bob.fedctl('whoami')).toMatchObject({ code: 3 });
  }, 60_000);

  test('LO-01, LO-02: an administrator there logs somebody out: the session and its log stream end within a second', async () => {
    const alice = people.person('alice');
    expect(await alice.login('--force')).toMatchObject({ code: 0 });
    const run = await alice.tick({ ticks: 10_000, pause: 0.2 });
    const log = alice.start('log', run);
    await log.until('tick 3 of');
    const begin = performance.now();
    await admin.logOut('alice');
    const told = performance.now() - begin;
    const { code } = await log.ended;
    const ended = performance.now() - begin;
    expect(code).toBe(3);
    // Keycloak calls us before it answers its administrator.
    expect(ended - told).toBeLessThan(1_000);
    expect(await alice.fedctl('whoami')).toMatchObject({ code: 3 });
  }, 90_000);

  test('LO-04: logout --provider: the way to Keycloak, and back', async () => {
    const [carol, browser] = [people.person('carol'), openHttpsBrowser({ ca: stage.keycloak.tls.ca })];
    const { url, ended } = await startLogin(carol, '--force');
    await visitKeycloak({ browser, url, user: 'carol' });
    expect(await ended).toMatchObject({ code: 0 });
    const { stdout, stderr } = await carol.fedctl('logout', '--provider');
    const there = /https:\S+\/logout\?\S+/.exec(stdout + stderr)?.[0] ?? '';
    const page = await browser.open(there);
    expect(page.url.href).toContain(`${stage.stack.https}/logout/done`);
    expect(page.status).toBe(200);
    // Who comes again is asked again.
    const again = await startLogin(carol, '--force');
    const asked = await browser.open(again.url);
    expect(asked.forms.some(({ fields }) => 'password' in fields)).toBe(true);
    await visitKeycloak({ browser, url: again.url, user: 'carol' });
    expect(await again.ended).toMatchObject({ code: 0 });
  }, 60_000);
});

describe('groups', () => {
  test('a right that was given to a group of Keycloak is the right of those in it', async () => {
    const [admins, alice, bob] = [people.person('admin'), people.person('alice'), people.person('bob')];
    for (const person of [admins, alice, bob]) expect(await person.login('--force')).toMatchObject({ code: 0 });
    const run = await admins.tick({ ticks: 2, pause: 0.1 });
    expect(await alice.fedctl('log', run)).toMatchObject({ code: 5 });
    const group = 'group:claim|kc|cancer-study';
    expect(await admins.fedctl('admin', 'grant', group, 'viewer', `run:${run}`)).toMatchObject({ code: 0 });
    await until(async () => (await alice.fedctl('log', run)).code === 0, 15_000);
    expect(await bob.fedctl('log', run)).toMatchObject({ code: 5 });
  }, 120_000);
});
