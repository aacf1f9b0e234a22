import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { TokenPair } from '../../../src/gen/fedctl/v1/sessions.ts';
import { selfSigned } from '../../support/certificates.ts';
import { type CliProject, makeProject } from '../../support/cli.ts';
import { type ControlFake, issue, startControlFake } from '../../support/control-fake.ts';

let fake: ControlFake;
let project: CliProject;

beforeEach(async () => {
  const tls = await selfSigned();
  fake = await startControlFake({ tls });
  project = await makeProject({ address: fake.address, ca: tls.cert });
});

afterEach(async () => {
  await fake.kill();
  await project.remove();
});

const yaml = () => join(project.dir, '.flwr/credentials.yaml');
const stored = () => join(project.dir, '.flwr/.credentials/lab.json');

/** As flwr from 1.26 on keeps them. */
async function keepYaml(address: string, { accessToken, refreshToken }: TokenPair, type = 'oidc'): Promise<string> {
  const line = (key: string, value: string) =>
    `flower.account-auth.${address}.${key}: ${Buffer.from(value).toString('base64')}\n`;
  const text =
    line('authn-type', type) + line('oidc-access-token', accessToken) + line('oidc-refresh-token', refreshToken);
  await mkdir(join(project.dir, '.flwr'), { recursive: true });
  await writeFile(yaml(), text, { mode: 0o644 });
  return text;
}

/** As flwr up to 1.25 keeps them. */
async function keepJson(type: string, { accessToken, refreshToken }: TokenPair): Promise<void> {
  await mkdir(join(project.dir, '.flwr/.credentials'), { recursive: true });
  const file = { [type]: 'oidc', 'flwr-oidc-access-token': accessToken, 'flwr-oidc-refresh-token': refreshToken };
  await writeFile(stored(), JSON.stringify(file, null, 4), { mode: 0o600 });
}

const nothingSent = () => fake.state.requests.filter((path) => path.endsWith('WhoAmI'));

describe('login --import-flwr', () => {
  test("flwr's own store: taken over for this address, used from then on, and left as it was", async () => {
    const text = await keepYaml(fake.address, issue(fake.state));
    expect(await project.cli('login', '--import-flwr')).toMatchObject({
      code: 0,
      stdout: `Logged in to ${fake.address} as alice.\n`,
    });
    expect(await readFile(yaml(), 'utf8')).toBe(text);
    expect((await stat(stored())).mode & 0o777).toBe(0o600);
    expect(fake.state.renewals).toBe(0);
    expect(fake.state.pollCount).toBe(0);
    expect((await project.cli('whoami')).stdout).toContain('alice');
  });

  test('an access token that has expired is renewed on the way', async () => {
    const tokens = issue(fake.state);
    fake.state.expiredTokens.add(tokens.accessToken);
    await keepYaml(fake.address, tokens);
    expect((await project.cli('login', '--import-flwr')).code).toBe(0);
    expect(fake.state.renewals).toBe(1);
    expect((await project.cli('whoami')).code).toBe(0);
  });

  test('a login that has ended is told, and nothing is stored', async () => {
    const tokens = issue(fake.state);
    fake.state.expiredTokens.add(tokens.accessToken);
    fake.state.refreshToken = 'another';
    await keepYaml(fake.address, tokens);
    expect(await project.cli('login', '--import-flwr')).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringContaining('has ended'),
    });
    await expect(stat(stored())).rejects.toThrow();
  });

  test.each(['auth-type', 'authn-type'])(
    'a file of a project, with %s: refused while nothing says whose it is',
    async (type) => {
      await keepJson(type, issue(fake.state));
      // Its issuer is fake.example, and the connection is for this machine.
      const { code, stderr } = await project.cli('login', '--import-flwr');
      expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('is from https://fake.example') });
      expect(nothingSent()).toEqual([]);
    },
  );

  test('none, or one for another address: both are told, and no token is sent', async () => {
    const none = await project.cli('login', '--import-flwr');
    expect(none).toMatchObject({ code: 3, stderr: expect.stringContaining('has no login for "lab"') });
    expect(none.stderr).toContain('credentials.yaml');
    await keepYaml('127.0.0.1:1', issue(fake.state));
    expect(await project.cli('login', '--import-flwr', '--json')).toMatchObject({
      code: 3,
      stdout: expect.stringContaining('It has logins for 127.0.0.1:1.'),
    });
    await keepYaml(fake.address, issue(fake.state), 'noop');
    expect((await project.cli('login', '--import-flwr')).code).toBe(3);
    expect(fake.state.requests).toEqual([]);
  });

  test('CF-05: a token of another issuer is not sent', async () => {
    const { accessToken, refreshToken, ...rest } = issue(fake.state);
    const payload = Buffer.from(JSON.stringify({ iss: 'https://other.example', exp: 9e9 })).toString('base64url');
    await keepYaml(fake.address, { ...rest, accessToken: `e30.${payload}.x`, refreshToken });
    const { code, stderr } = await project.cli('login', '--import-flwr');
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('is from https://other.example') });
    expect(nothingSent()).toEqual([]);
    expect(stderr).not.toContain(refreshToken);
    expect(accessToken).not.toBe('');
  });
});
