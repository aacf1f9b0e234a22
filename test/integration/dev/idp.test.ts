import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as client from 'openid-client';
import { Agent, fetch, type RequestInit } from 'undici';
import { approveLogin } from '../../../src/dev/approve.ts';
import { type Form, openBrowser } from '../../../src/dev/browser.ts';
import { type DevIdp, startIdp } from '../../../src/dev/idp.ts';
import { findFreeBase } from '../../../src/dev/ports.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

describe('the dev identity provider', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-idp-'));
  let port: number;
  let idp: DevIdp;

  beforeAll(async () => {
    port = await findFreeBase();
    idp = await startIdp({ folder, port, now: Date.now });
  });

  afterAll(async () => {
    await idp.stop();
    rmSync(folder, { recursive: true });
  });

  /** With connections of its own, so that none is left over from before a restart. */
  function discover(): Promise<client.Configuration> {
    const dispatcher = new Agent();
    const options = {
      execute: [client.allowInsecureRequests],
      [client.customFetch]: ((url, init) => fetch(url, { ...init, dispatcher } as RequestInit)) as client.CustomFetch,
    };
    return client.discovery(
      new URL(idp.issuer),
      idp.clientId,
      undefined,
      client.ClientSecretBasic(idp.clientSecret),
      options,
    );
  }

  function account(name: string) {
    const found = idp.accounts.find((one) => one.name === name);
    if (!found) throw new Error(`no account ${name}`);
    return found;
  }

  async function start(config: client.Configuration) {
    const scope = 'openid profile email offline_access';
    const device = await client.initiateDeviceAuthorization(config, { scope, prompt: 'consent' });
    return { ...device, url: device.verification_uri_complete ?? '' };
  }

  test('gives the tokens of the person who confirmed the code, logged in and allowed it', async () => {
    const config = await discover();
    const device = await start(config);
    await approveLogin({ url: device.url, account: account('alice') });
    const tokens = await client.genericGrantRequest(config, GRANT, { device_code: device.device_code });
    expect(tokens.claims()).toMatchObject({
      sub: 'alice',
      preferred_username: 'alice',
      name: 'Alice',
      email: 'alice@example.test',
    });
    expect(tokens.refresh_token).toBeTruthy();
  });

  test('asks who you are at every login: people may share a browser', async () => {
    const config = await discover();
    const browser = openBrowser();
    const subjects: (string | undefined)[] = [];
    for (const name of ['alice', 'bob', 'alice']) {
      const device = await start(config);
      await approveLogin({ url: device.url, account: account(name), browser });
      const tokens = await client.genericGrantRequest(config, GRANT, { device_code: device.device_code });
      subjects.push(tokens.claims()?.sub);
    }
    expect(subjects).toEqual(['alice', 'bob', 'alice']);
  });

  test('tells a refused login from one that waits', async () => {
    const config = await discover();
    const device = await start(config);
    const poll = () => client.genericGrantRequest(config, GRANT, { device_code: device.device_code });
    await expect(poll()).rejects.toMatchObject({ error: 'authorization_pending' });
    await approveLogin({ url: device.url, account: account('alice'), refuse: true });
    await expect(poll()).rejects.toMatchObject({ error: 'access_denied' });
  });

  test('lets nobody in with a wrong password, and says so on the page', async () => {
    const config = await discover();
    const device = await start(config);
    const wrong = { name: 'alice', password: account('bob').password };
    await expect(approveLogin({ url: device.url, account: wrong })).rejects.toMatchObject({
      reason: 'DEV_LOGIN_FAILED',
    });
    await expect(client.genericGrantRequest(config, GRANT, { device_code: device.device_code })).rejects.toMatchObject({
      error: 'authorization_pending',
    });
  });

  test('shows the code for comparison, and tells a wrong code', async () => {
    const device = await start(await discover());
    const browser = openBrowser();
    const first = await browser.open(device.url);
    const confirm = await browser.submit(first.forms[0] as Form);
    expect(confirm.html).toContain(`<code>${device.user_code}</code>`);
    const input = await browser.open(`${idp.issuer}/device`);
    const wrong = await browser.submit(input.forms[0] as Form, { user_code: '<b>NOPE' });
    expect(wrong.html).toContain('There is no login with this code');
    expect(wrong.html).not.toContain('<b>NOPE');
  });

  test('renews and remembers over a restart, rotates refresh tokens, and revokes', async () => {
    const device = await start(await discover());
    await approveLogin({ url: device.url, account: account('carol') });
    const tokens = await client.genericGrantRequest(await discover(), GRANT, { device_code: device.device_code });
    const accounts = idp.accounts;

    await idp.stop();
    idp = await startIdp({ folder, port, now: Date.now });

    expect(idp.accounts).toEqual(accounts);
    const config = await discover();
    const renewed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
    expect(renewed.refresh_token).not.toBe(tokens.refresh_token);
    expect(renewed.claims()?.sub).toBe('carol');
    await client.tokenRevocation(config, renewed.refresh_token ?? '');
    await expect(client.refreshTokenGrant(config, renewed.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    });
  });

  test('keeps its secrets to the owner of the files', () => {
    expect(statSync(join(folder, 'idp.json')).mode & 0o077).toBe(0);
    expect(statSync(join(folder, 'idp.db')).mode & 0o077).toBe(0);
  });
});
