import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { type Chromium, openChromium } from '../browser/chromium.ts';
import { devicePage, endPage, LOGGED_IN } from '../browser/pages.ts';
import { adminOf, passwordOf } from '../support/keycloak.ts';
import type { People } from '../support/people.ts';
import { keycloakPeople, startLogin } from './stage/people.ts';
import { ALIAS, type OtherPlane, startOther } from './stage/plane.ts';
import { sharedStage } from './stage/shared.ts';

const SHOTS = resolve(import.meta.dirname, '../../.tmp/keycloak');

describe('our device page before Keycloak, whose client has no device grant', () => {
  const stage = sharedStage();
  let plane: OtherPlane;
  let people: People;

  beforeAll(async () => {
    plane = await startOther(stage, { name: 'page', client: 'fedctl-nodevice', changes: { oidc: { page: 'always' } } });
    const admin = await adminOf({ origin: stage.origin, ca: stage.keycloak.tls.ca });
    await admin.allowRedirect('fedctl-nodevice', `${plane.stage.stack.https}/oidc/callback/${ALIAS}`);
    people = keycloakPeople(plane.stage);
  }, 60_000);
  afterAll(async () => {
    people.leave();
    await plane.stop();
  });

  test('fedctl login: the page, Keycloak, and back', async () => {
    const alice = people.person('alice');
    expect(await alice.login()).toMatchObject({ code: 0 });
    expect(await alice.json(['whoami'])).toMatchObject({ account: 'alice', issuer: stage.issuer });
  }, 60_000);

  test('the unmodified flwr gets the same', async () => {
    const { flwr } = people.person('bob');
    expect(await flwr.login()).toMatchObject({ code: 0 });
  }, 60_000);

  describe('in Chromium', () => {
    let chromium: Chromium;
    beforeAll(async () => {
      mkdirSync(SHOTS, { recursive: true });
      chromium = await openChromium();
    }, 60_000);
    afterAll(() => chromium.close());

    async function signIn(page: Page, user: string): Promise<void> {
      await page.locator('#username').fill(user);
      await page.locator('#password').fill(passwordOf(user));
      await page.screenshot({ path: join(SHOTS, 'keycloak-login.png') });
      await page.locator('#kc-login').click();
    }

    test('the device page, over the real login page of Keycloak', async () => {
      const carol = people.person('carol');
      const { url, ended } = await startLogin(carol);
      const visitor = await chromium.visitor();
      const page = await visitor.tab();
      await page.goto(url);
      await page.screenshot({ path: join(SHOTS, 'device-page.png') });
      await devicePage(page).confirm();
      await signIn(page, 'carol');
      await endPage(page).reached(LOGGED_IN);
      await page.screenshot({ path: join(SHOTS, 'logged-in.png') });
      expect(await ended).toMatchObject({ code: 0 });
      await visitor.leave();
    }, 60_000);

    test('the code grant, back to the loopback address', async () => {
      const alice = keycloakPeople(stage).person('alice');
      const { url, ended } = await startLogin(alice, '--grant', 'code', '--redirect-port', '0');
      const visitor = await chromium.visitor();
      const page = await visitor.tab();
      await page.goto(url);
      await signIn(page, 'alice');
      await page.getByText(/close this window/i).waitFor();
      await page.screenshot({ path: join(SHOTS, 'loopback.png') });
      expect(await ended).toMatchObject({ code: 0 });
      await visitor.leave();
    }, 60_000);
  });
});
