import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { StartLoginRequest } from '../../src/gen/fedctl/v1/sessions.ts';
import { expire } from '../slow/logins.ts';
import { openWire } from '../support/calls.ts';
import { openHttpsBrowser } from '../support/https-browser.ts';
import { adminOf } from '../support/keycloak.ts';
import type { KeycloakAdmin } from '../support/keycloak-admin.ts';
import { visitKeycloak } from '../support/keycloak-pages.ts';
import { keycloakPeople, startLogin } from './stage/people.ts';
import { startOther } from './stage/plane.ts';
import { sharedStage } from './stage/shared.ts';

describe('device grant', () => {
  const stage = sharedStage();
  const people = keycloakPeople(stage);
  const browser = () => openHttpsBrowser({ ca: stage.keycloak.tls.ca });
  let admin: KeycloakAdmin;

  beforeAll(async () => {
    admin = await adminOf({ origin: stage.origin, ca: stage.keycloak.tls.ca });
  });
  afterAll(() => people.leave());

  test('alice logs in; the account is named as Keycloak names her, with her groups', async () => {
    const alice = people.person('alice');
    expect(await alice.login()).toMatchObject({ code: 0 });
    expect(await alice.json(['whoami'])).toMatchObject({
      account: 'alice',
      email: 'alice@example.test',
      issuer: stage.issuer,
      groups: ['cancer-study', 'everybody'],
    });
  }, 120_000);

  test('DG-06: a refusal at Keycloak ends the wait, and nothing is stored', async () => {
    const bob = people.person('bob');
    const { url, ended } = await startLogin(bob);
    await visitKeycloak({ browser: browser(), url, user: 'bob', deny: true });
    const { code, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 4, stderr: expect.stringContaining('denied') });
    expect(() => bob.tokens()).toThrow();
  }, 60_000);

  test('DG-06: a code that nobody enters in time ends the wait', async () => {
    await admin.setAttributes('fedctl', { 'oauth2.device.code.lifespan': '3' });
    try {
      const { code, stderr } = await people.person('bob').start('login', '--no-launch-browser').ended;
      expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringMatching(/expired|not approved in time/) });
    } finally {
      await admin.setAttributes('fedctl', { 'oauth2.device.code.lifespan': '600' });
    }
  }, 60_000);

  test('DG-05: however often a client asks, Keycloak is not asked too fast', async () => {
    await admin.clearEvents();
    const wire = openWire(stage.stack);
    const started = await wire.call('/fedctl.v1.Sessions/StartLogin', {
      request: StartLoginRequest.fromPartial({ client: 'hasty', host: 'h' }),
    });
    expect(started).toMatchObject({ code: 0 });
    const { handle } = started.messages[0] as { handle: string };
    const end = performance.now() + 4_000;
    let polls = 0;
    for (; performance.now() < end; polls += 1) {
      const { messages } = await wire.call('/fedctl.v1.Sessions/PollLogin', { request: { handle } });
      expect(messages[0]).toMatchObject({ state: expect.stringMatching(/pending|slow_down/) });
    }
    wire.close();
    expect(polls).toBeGreaterThan(20);
    const errors = (await admin.events()).filter(({ type }) => type === 'OAUTH2_DEVICE_CODE_TO_TOKEN_ERROR');
    expect(errors.map(({ error }) => error)).not.toContain('slow_down');
  }, 30_000);

  test('an unmodified flwr logs in and lists', async () => {
    const { flwr } = people.person('carol');
    expect(await flwr.login()).toMatchObject({ code: 0 });
    expect(JSON.parse((await flwr.cli('ls', '--format', 'json')).stdout)).toMatchObject({ success: true });
  }, 120_000);

  test('with offline_access, as it is by default: log in, renew, log out', async () => {
    const plane = await startOther(stage, { name: 'offline', changes: { oidc: { 'offline-access': true } } });
    const others = keycloakPeople(plane.stage);
    try {
      const carol = others.person('carol');
      const before = (await admin.sessions('carol', 'fedctl')).length;
      expect(await carol.login()).toMatchObject({ code: 0 });
      await expire({ home: carol.home, facts: plane.stage.stack });
      expect(await carol.fedctl('whoami')).toMatchObject({ code: 0 });
      expect((await admin.sessions('carol', 'fedctl')).length).toBeGreaterThan(before);
      expect(await carol.fedctl('logout')).toMatchObject({ code: 0 });
      expect((await admin.sessions('carol', 'fedctl')).length).toBe(before);
    } finally {
      others.leave();
      await plane.stop();
    }
  }, 120_000);
});
