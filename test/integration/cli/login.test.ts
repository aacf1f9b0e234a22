import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { selfSigned } from '../../support/certificates.ts';
import { type CliProject, makeProject } from '../../support/cli.ts';
import { type ControlFake, startControlFake } from '../../support/control-fake.ts';

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

const stored = () => join(project.dir, '.flwr/.credentials/lab.json');

describe('login', () => {
  test('DG-05, DG-12: shows address, code and a warning that names the server, then stores the login privately', async () => {
    fake.state.polls = ['pending', 'approved'];
    const { code, stdout, stderr } = await project.cli('login');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toBe(`Logged in to ${fake.address} as alice.\n`);
    expect(stderr).toContain('https://idp.example/device?user_code=ABCD-EFGH');
    expect(stderr).toContain('Your code:  ABCD-EFGH');
    expect(stderr).toContain('only if you started this login yourself, for localhost.');
    expect(stderr).toContain(
      'fedctl-login: url=https://idp.example/device?user_code=ABCD-EFGH code=ABCD-EFGH expires-in=600\n',
    );
    expect((await stat(stored())).mode & 0o777).toBe(0o600);
  });

  test('a second login says that there is one; --force logs in anew', async () => {
    await project.cli('login');
    const again = await project.cli('login');
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('already'), stderr: '' });
    expect(fake.state.pollCount).toBe(1);
    expect((await project.cli('login', '--force')).code).toBe(0);
    expect(fake.state.pollCount).toBe(2);
  }, 60_000);

  test('--json: one document on stdout, the pending login as one JSON line on stderr', async () => {
    const { code, stdout, stderr } = await project.cli('login', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      success: true,
      account: 'alice',
      connection: 'lab',
      address: fake.address,
      already: false,
      storage: 'file',
    });
    const pending = stderr.split('\n').find((line) => line.startsWith('{'));
    expect(JSON.parse(pending ?? '')).toMatchObject({
      event: 'login-pending',
      'user-code': 'ABCD-EFGH',
      'expires-in': 600,
    });
  });

  test('DG-06: denial ends it at once with exit code 4 and stores nothing', async () => {
    fake.state.polls = [{ code: 7, reason: 'LOGIN_DENIED', message: 'The login was denied.' }];
    const { code, stdout, stderr } = await project.cli('login');
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toContain('Error: The login was denied.');
    expect(fake.state.pollCount).toBe(1);
    await expect(stat(stored())).rejects.toThrow();
  });

  test('DG-07: no poll after the code has expired', async () => {
    fake.state.polls = ['pending'];
    fake.state.loginExpiresIn = 2n;
    const { code, stderr } = await project.cli('login');
    expect(code).toBe(3);
    expect(stderr).toContain('was not approved in time');
    expect(fake.state.pollCount).toBeLessThanOrEqual(2);
  });

  test.each([
    'file:///etc/passwd',
    'javascript:alert(1)',
    'http://evil.example/',
    'https://u:p@evil.example/',
    'https://x/\u001b[2J',
  ])('DG-11: a login page at %j is refused, and nothing is shown or opened', async (uri) => {
    fake.state.verificationUri = uri;
    const { code, stderr } = await project.cli('login');
    expect(code).toBe(1);
    expect(stderr).toContain('no safe web address');
    expect(stderr).not.toContain('Open:');
  });

  test('T-20: insecure connections are refused before anything is sent', async () => {
    await project.connect([`address = "${fake.address}"`, 'insecure = true']);
    const { code, stderr } = await project.cli('login');
    expect(code).toBe(1);
    expect(stderr).toContain('says "insecure = true"');
    expect(fake.state.requests).toEqual([]);
  });

  test('logout ends the session at the server and forgets it here; a second one says so', async () => {
    await project.cli('login');
    expect(await project.cli('logout')).toMatchObject({ code: 0, stdout: `Logged out of ${fake.address}.\n` });
    expect(fake.state.logouts).toBe(1);
    await expect(stat(stored())).rejects.toThrow();
    expect((await project.cli('logout')).stdout).toContain('You were not logged in');
    expect((await project.cli('whoami')).code).toBe(3);
  });

  test('CF-05, CF-07: logout forgets no login whose server it can not tell, unless --local says so', async () => {
    await project.cli('login');
    await project.connect(['address = "localhost:1"']);
    expect(await project.cli('logout')).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringContaining('fedctl logout --local'),
    });
    expect((await stat(stored())).isFile()).toBe(true);
    await writeFile(stored(), '{"authn-type": "oi');
    expect(await project.cli('logout')).toMatchObject({ code: 1, stderr: expect.stringContaining('damaged') });
    expect(await readFile(stored(), 'utf8')).toBe('{"authn-type": "oi');
    expect(await project.cli('logout', '--local')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('goes on at the server'),
    });
    await expect(stat(stored())).rejects.toThrow();
    expect(fake.state.logouts).toBe(0);
  });

  test('a login that can not be stored is ended at the server: nobody holds its tokens', async () => {
    fake.state.polls = ['pending', 'approved'];
    const running = project.start('login');
    await running.until('fedctl-login:');
    // In place of the file that login is about to write.
    await mkdir(stored(), { recursive: true });
    const { code, stdout } = await running.ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(fake.state.logouts).toBe(1);
  });

  test('whoami shows account, server, rights and how long', async () => {
    await project.cli('login');
    const { code, stdout } = await project.cli('whoami');
    expect(code).toBe(0);
    expect(stdout).toContain('alice (Alice Example)');
    expect(stdout).toContain('in 30 days, in 14 days if unused');
    expect(stdout).toContain('run, list');
  });
});
