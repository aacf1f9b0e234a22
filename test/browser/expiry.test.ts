import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { findFreeBase } from '../../src/dev/ports.ts';
import { openWire, type Wire } from '../support/calls.ts';
import { type ControlPlane, changeConfig, startControlPlane } from '../support/control-plane.ts';
import { type Chromium, openChromium } from './chromium.ts';
import { devicePage, heading } from './pages.ts';
import { sharedStage } from './stage/shared.ts';

// Each goes through several processes, on machines that may be busy.
jest.setTimeout(120_000);

const stage = sharedStage();
const LIFE_MS = 20_000;
let chromium: Chromium;
let plane: ControlPlane;
let wire: Wire;
let https: string;

beforeAll(async () => {
  chromium = await openChromium();
  const base = await findFreeBase();
  https = `https://127.0.0.1:${base + 1}`;
  const config = changeConfig(join(stage.stack.state, 'server.toml'), join(stage.folder, 'brief.toml'), {
    server: {
      'grpc-address': `127.0.0.1:${base}`,
      'https-address': `127.0.0.1:${base + 1}`,
      'state-dir': join(stage.folder, 'brief'),
    },
    oidc: { page: 'always' },
    limits: { 'login-lifetime': `${LIFE_MS / 1000}s` },
  });
  plane = await startControlPlane({ config });
  wire = openWire({ address: `127.0.0.1:${base}`, ca: stage.stack.ca });
});
afterAll(async () => {
  wire.close();
  await plane.stop();
  await chromium.close();
});

describe('a code whose time is over, in Chromium', () => {
  test('DG-07: it can neither be answered nor looked at', async () => {
    const visitor = await chromium.visitor();
    const page = await visitor.tab();
    const request = { provider: '', client: 'fedctl', host: 'vm', grant: '', redirectUri: '', prompt: '' };
    const begun = performance.now();
    const { messages } = await wire.call('/fedctl.v1.Sessions/StartLogin', {
      request: { ...request, scopes: [], acrValues: [], loginHint: '' },
    });
    const { userCode } = messages[0] as { userCode: string };
    await page.goto(`${https}/device?code=${userCode}`);
    expect(await heading(page)).toBe('Is this you?');
    await page.waitForTimeout(Math.max(0, LIFE_MS + 500 - (performance.now() - begun)));
    await devicePage(page).confirm();
    await page.getByRole('alert').waitFor();
    expect(new URL(page.url()).origin).toBe(https);
    await page.goto(`${https}/device?code=${userCode}`);
    expect(await heading(page)).toBe('Which code do you see?');
    expect(await devicePage(page).problem()).toMatch(/over/);
    await visitor.leave();
  });
});
