import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type LoginLab, openLoginLab } from '../../support/login-lab.ts';
import { until } from '../../support/until.ts';

let lab: LoginLab;

beforeEach(async () => {
  lab = await openLoginLab();
});

afterEach(() => lab.close());

const at = (...path: string[]) => join(lab.project.dir, ...path);
const stored = () => JSON.parse(readFileSync(at('.flwr/.credentials/lab.json'), 'utf8'));

describe('device_code', () => {
  test('the server tells the end: nothing is polled, and the login is on disk at once', async () => {
    lab.fake.state.pushes = ['pending', 'wait', 'approved'];
    const context = lab.context();
    const result = lab.logIn({}, context);
    await until(() => context.written.err.includes('fedctl-login:'));
    let approvedAt = 0;
    await until(() => {
      approvedAt = performance.now();
      lab.fake.state.push();
      return existsSync(at('.flwr/.credentials/lab.json'));
    });
    expect(await result).toMatchObject({ account: 'alice', already: false });
    expect(performance.now() - approvedAt).toBeLessThan(1_000);
    expect(lab.fake.state.pollCount).toBe(0);
    expect(stored()['flwr-oidc-refresh-token']).toBe(lab.fake.state.refreshToken);
  });

  test.each([
    ['an older server', undefined],
    ['a connection that breaks', ['pending', 'cut']],
    ['a stream that ends too early', ['pending']],
  ] as const)('DG-04: %s is asked instead', async (_name, pushes) => {
    lab.fake.state.pushes = pushes && [...pushes];
    lab.fake.state.polls = ['pending', 'approved'];
    await lab.logIn();
    expect(lab.fake.state.pollCount).toBe(2);
  });

  test('DG-06: a denial that is pushed ends the login at once', async () => {
    lab.fake.state.pushes = ['pending', { code: 7, reason: 'LOGIN_DENIED', message: 'The login was denied.' }];
    await expect(lab.logIn()).rejects.toMatchObject({ code: 'PERMISSION_DENIED', reason: 'LOGIN_DENIED' });
    expect(lab.fake.state.pollCount).toBe(0);
  });

  test.each([
    ['pushed', true],
    ['polled', false],
  ] as const)('DG-07: nothing is waited for after the end (%s)', async (_how, pushed) => {
    lab.fake.state.pushes = pushed ? ['pending', 'wait'] : undefined;
    lab.fake.state.polls = ['pending'];
    lab.fake.state.loginExpiresIn = 600n;
    await expect(lab.logIn({ timeout: 1 })).rejects.toMatchObject({ reason: 'LOGIN_EXPIRED' });
  });

  test('what is demanded of the provider goes with the request', async () => {
    const demands = { prompt: 'login', maxAge: 0, acrValues: ['gold'], loginHint: 'alice@example.org' } as const;
    await lab.logIn({ demands, settings: { provider: 'corp', scopes: ['email'] } });
    expect(lab.fake.state.starts[0]).toMatchObject({
      grant: 'device_code',
      provider: 'corp',
      scopes: ['email'],
      prompt: 'login',
      maxAge: 0n,
      acrValues: ['gold'],
      loginHint: 'alice@example.org',
    });
  });

  test('a login that is refused leaves a project as it was', async () => {
    lab.fake.state.pushes = [{ code: 7, reason: 'LOGIN_DENIED', message: 'The login was denied.' }];
    await expect(lab.logIn()).rejects.toThrow();
    expect(existsSync(at('.flwr'))).toBe(false);
    await mkdir(at('.flwr'));
    await writeFile(at('.flwr/.gitignore'), 'runs\n');
    await expect(lab.logIn()).rejects.toThrow();
    expect(readdirSync(at('.flwr'))).toEqual(['.gitignore']);
  });

  test('Ctrl-C leaves a project as it was, too', async () => {
    lab.fake.state.pushes = ['wait'];
    const context = lab.context();
    const result = lab.logIn({}, context);
    await until(() => context.written.err.includes('fedctl-login:'));
    expect(existsSync(at('.flwr/.gitignore'))).toBe(true);
    context.interrupt();
    expect(existsSync(at('.flwr'))).toBe(false);
    await expect(result).rejects.toThrow();
  });

  test('--force ends the session before, once the new one is stored', async () => {
    await lab.logIn();
    const before = lab.fake.state.refreshToken;
    lab.fake.state.sessionId = 's2';
    await lab.logIn({ force: true });
    expect(lab.fake.state.loggedOut).toEqual([before]);
    expect(stored()['flwr-oidc-refresh-token']).toBe(lab.fake.state.refreshToken);
  });
});

describe('--force where the login before is encrypted', () => {
  const encrypt = async () => {
    writeFileSync(at('passphrase'), 'correct horse\n', { mode: 0o600 });
    const env = { FEDCTL_PASSPHRASE_FILE: at('passphrase') };
    await lab.logIn({ storage: 'encrypted' }, lab.context({ env }));
    lab.fake.state.sessionId = 's2';
    return env;
  };

  test('its session is ended where its key is at hand', async () => {
    const env = await encrypt();
    const before = lab.fake.state.refreshToken;
    await lab.logIn({ force: true, storage: 'file' }, lab.context({ env }));
    expect(lab.fake.state.loggedOut).toEqual([before]);
  });

  test('nobody is asked for a passphrase that may be forgotten: its session is left, and a line says so', async () => {
    await encrypt();
    const { isTTY } = process.stdin;
    process.stdin.isTTY = true;
    try {
      const context = lab.context({ stdio: { errIsTty: true } });
      await lab.logIn({ force: true, storage: 'file', launchBrowser: false }, context);
      expect(context.written.err).toContain('The session of the login before was not ended');
      expect(context.written.err).not.toContain('Passphrase');
    } finally {
      process.stdin.isTTY = isTTY;
    }
    expect(lab.fake.state.loggedOut).toEqual([]);
    expect(stored()['flwr-oidc-refresh-token']).toBe(lab.fake.state.refreshToken);
  });
});

describe('--no-wait and --resume', () => {
  test('what is overdue is swept by the next login, and by a logout', async () => {
    const { logOut } = await import('../../../src/cli/logout.ts');
    const pending = () => readdirSync(at('.flwr/.credentials')).filter((name) => name.includes('.pending-'));
    const later = () => {
      const now = Date.now() + 3_600_000;
      return lab.context({ clock: { now: () => now, monotonic: () => performance.now() } });
    };
    await lab.logIn({ wait: false });
    await lab.logIn();
    expect(pending()).toHaveLength(1);
    await lab.logIn({}, later());
    expect(pending()).toEqual([]);
    await lab.logIn({ wait: false, force: true });
    expect(pending()).toHaveLength(1);
    await logOut(later(), { positionals: [], local: true, account: undefined });
    expect(pending()).toEqual([]);
  });

  test('the handle is stored privately and never shown; resuming finishes the login and forgets it', async () => {
    const context = lab.context();
    const { pending } = await lab.logIn({ wait: false }, context);
    const name = `lab.pending-${pending?.id}.json`;
    expect(readFileSync(at('.flwr/.credentials', name), 'utf8')).toContain('"handle": "h1"');
    expect(statSync(at('.flwr/.credentials', name)).mode & 0o777).toBe(0o600);
    expect(JSON.stringify([context.written, pending])).not.toContain('h1');
    expect(context.written.err).toContain('Your code:  ABCD-EFGH');
    lab.fake.state.pushes = ['approved'];
    expect(await lab.logIn({ resume: 'latest' })).toMatchObject({ account: 'alice' });
    expect(lab.fake.state.starts).toHaveLength(1);
    expect(readdirSync(at('.flwr/.credentials')).sort()).toEqual(['lab.json', 'lab.meta.json']);
    await expect(lab.logIn({ resume: 'latest' })).rejects.toMatchObject({ reason: 'LOGIN_UNKNOWN' });
  });

  test('giving up ends no pending login; a denial does', async () => {
    const { pending } = await lab.logIn({ wait: false });
    const resume = pending?.id;
    lab.fake.state.pushes = ['wait'];
    await expect(lab.logIn({ resume, timeout: 1 })).rejects.toMatchObject({ reason: 'LOGIN_EXPIRED' });
    lab.fake.state.pushes = [{ code: 7, reason: 'LOGIN_DENIED', message: 'no' }];
    await expect(lab.logIn({ resume })).rejects.toMatchObject({ reason: 'LOGIN_DENIED' });
    await expect(lab.logIn({ resume })).rejects.toMatchObject({ reason: 'LOGIN_UNKNOWN' });
  });

  test('CF-05: a pending login of another server is none of this one', async () => {
    const { pending } = await lab.logIn({ wait: false });
    const { startControlFake } = await import('../../support/control-fake.ts');
    const { selfSigned } = await import('../../support/certificates.ts');
    const tls = await selfSigned();
    const other = await startControlFake({ tls });
    await writeFile(at('ca.pem'), tls.cert);
    await lab.project.connect([`address = "${other.address}"`, 'root-certificates = "ca.pem"']);
    await expect(lab.logIn({ resume: pending?.id })).rejects.toMatchObject({ reason: 'LOGIN_UNKNOWN' });
    await other.kill();
  });
});
