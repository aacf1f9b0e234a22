import { describe, expect, test } from '@jest/globals';
import { isHeadless, launchersFor, loopbackHost, type Surroundings } from '../../../src/cli/browser.ts';
import { type LoginFlagValues, loginInput } from '../../../src/cli/login-flags.ts';
import { completeResume } from '../../../src/cli/login-result.ts';
import { linkFor, pendingScreen } from '../../../src/cli/login-screen.ts';
import { findsIdToken } from '../../../src/cli/login-secrets.ts';
import { settingsOf } from '../../../src/cli/login-wishes.ts';
import { chooseGrant } from '../../../src/client/grants/choice.ts';
import type { PendingLogin } from '../../../src/client/grants/polling.ts';
import type { Connection } from '../../../src/project/connections.ts';
import { cliContext } from '../../support/cli-context.ts';

const DESK: Surroundings = { env: { DISPLAY: ':0' }, platform: 'linux', stdinIsTty: true, inContainer: false };
const GITHUB = { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://x', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'k' };

describe('which grant, where nobody says it', () => {
  test.each<[string, Partial<Surroundings>, readonly string[] | undefined, string]>([
    ['a desk, and a server that offers code', {}, ['device_code', 'code'], 'code'],
    ['a desk, and a server that does not', {}, ['device_code'], 'device_code'],
    ['a desk, and a server that does not say', {}, undefined, 'device_code'],
    ['macOS', { env: {}, platform: 'darwin' }, ['code'], 'code'],
    ['WSL', { env: { WSL_DISTRO_NAME: 'Debian' } }, ['code'], 'code'],
    ['no display', { env: {} }, ['code'], 'device_code'],
    ['SSH', { env: { DISPLAY: ':0', SSH_CONNECTION: '1 2' } }, ['code'], 'device_code'],
    ['SSH in an editor that brings its browser', { env: { SSH_TTY: 'x', BROWSER: '/b' } }, ['code'], 'code'],
    ['a container', { inContainer: true }, ['code'], 'device_code'],
    ['a pipe', { stdinIsTty: false }, ['code'], 'device_code'],
    ['CI without a token', { env: { CI: 'true' }, stdinIsTty: false }, ['code'], 'device_code'],
    ['GitHub Actions', { env: { CI: 'true', ...GITHUB }, stdinIsTty: false }, ['code'], 'ci'],
    ['GitLab', { env: { CI: 'true', GITLAB_OIDC_TOKEN: 't' }, stdinIsTty: false }, undefined, 'ci'],
    ['a person who has the variables of a job', { env: { DISPLAY: ':0', ...GITHUB } }, ['code'], 'code'],
  ])('%s', async (_where, over, offered, grant) => {
    const around = { ...DESK, ...over };
    const { env, stdinIsTty } = around;
    const asked = {
      hasIdToken: findsIdToken(env),
      stdinIsTty,
      headless: isHeadless(around),
      offered: async () => offered,
    };
    expect(await chooseGrant(asked)).toBe(grant);
  });

  test('the server is asked only where it matters', async () => {
    const offered = () => Promise.reject(new Error('asked'));
    expect(await chooseGrant({ hasIdToken: false, stdinIsTty: true, headless: true, offered })).toBe('device_code');
    expect(await chooseGrant({ hasIdToken: true, stdinIsTty: false, headless: true, offered })).toBe('ci');
  });
});

describe('the browser', () => {
  const URL = "https://idp.example/a?b='c'&d=$(e)";

  test('gets the address as one argument, and nothing of ours in its environment', () => {
    const env = { DISPLAY: ':0', FEDCTL_TOKEN: 'secret', FEDCTL_CLIENT_SECRET: 'secret', HOME: '/h' };
    const all = (['linux', 'darwin'] as const).flatMap((platform) => launchersFor(URL, { env, platform }));
    expect(all.map(({ command }) => command)).toEqual(['xdg-open', 'sensible-browser', 'x-www-browser', 'open']);
    for (const { args, env: given } of all) {
      expect(args).toEqual([URL]);
      expect(given).toEqual({ DISPLAY: ':0', HOME: '/h' });
    }
  });

  test('WSL: the one of Windows, and PowerShell never reads the address as a command', () => {
    const around = { env: { WSL_DISTRO_NAME: 'Debian', WSLENV: 'A/p' }, platform: 'linux' as const };
    const [first, second] = launchersFor(URL, around);
    expect(first).toMatchObject({ command: 'wslview', args: [URL] });
    expect(second?.command).toBe('powershell.exe');
    expect(second?.args.join(' ')).not.toContain('idp.example');
    expect(second?.env).toMatchObject({ LOGIN_ADDRESS: URL, WSLENV: 'A/p:LOGIN_ADDRESS' });
    expect([loopbackHost(around), loopbackHost(DESK)]).toEqual(['localhost', '127.0.0.1']);
  });

  test('BROWSER goes first where it names a program; a pattern is left to xdg-open', () => {
    const commands = (BROWSER: string) =>
      launchersFor(URL, { env: { BROWSER }, platform: 'linux' }).map(({ command }) => command)[0];
    expect(['/opt/b', 'firefox', 'w3m %s', 'a:b'].map(commands)).toEqual(['/opt/b', 'firefox', 'xdg-open', 'xdg-open']);
  });
});

const FLAGS: LoginFlagValues = {
  force: false,
  plain: false,
  'no-launch-browser': false,
  'no-wait': false,
  'client-secret-stdin': false,
  'token-stdin': false,
  'password-stdin': false,
};
const typed = (over: Partial<LoginFlagValues>) => loginInput({ ...FLAGS, ...over }, { positionals: [], cwd: '/work' });

describe('what was typed', () => {
  test.each(['implicit', 'implicit-id'])('%s is recognised and refused, with the reason and what to use', (grant) => {
    expect(() => typed({ grant })).toThrow(/web addresses.*RFC 9700/);
    expect(() => typed({ grant })).toThrow(expect.objectContaining({ hint: expect.stringContaining('--grant code') }));
  });

  test('grants by name, in both spellings; others are told', () => {
    const named = ['auto', 'device_code', 'device-code', 'ci', undefined].map((grant) => typed({ grant }).grant);
    expect(named).toEqual(['auto', 'device_code', 'device_code', 'ci', undefined]);
    expect(() => typed({ grant: 'magic' })).toThrow('There is no grant "magic"');
  });

  test('SEC-01: a secret on the command line is refused, and not repeated', () => {
    for (const over of [{ 'client-secret': 'canary' }, { password: 'canary' }]) {
      expect(() => typed(over)).toThrow(expect.objectContaining({ reason: 'SECRET_ON_COMMAND_LINE' }));
      expect(() => typed(over)).not.toThrow(/canary/);
    }
  });

  test('paths are absolute, since they are remembered; times are seconds', () => {
    const { settings, timeout, demands } = typed({
      'client-secret-file': 's',
      'token-file': '/t',
      timeout: '5m',
      'acr-values': ['a b', 'c'],
      'max-age': 0,
    });
    expect(settings).toEqual({ clientSecretFile: '/work/s', tokenFile: '/t' });
    expect({ timeout, ...demands }).toMatchObject({ timeout: 300, maxAge: 0, acrValues: ['a', 'b', 'c'] });
  });

  test('two secrets can not come through one standard input', () => {
    expect(() => typed({ 'token-stdin': true, 'password-stdin': true })).toThrow('Only one secret');
  });

  test('--resume stands alone, or with an id', () => {
    expect(completeResume(['--resume'])).toEqual(['--resume', 'latest']);
    expect(completeResume(['--resume', '0a1b2c3d', '.'])).toEqual(['--resume', '0a1b2c3d', '.']);
    expect(completeResume(['--resume', './app', 'lab'])).toEqual(['--resume', 'latest', './app', 'lab']);
    expect(completeResume(['.', '--resume', '--json'])).toEqual(['.', '--resume', 'latest', '--json']);
    expect(completeResume(['--', '--resume'])).toEqual(['--', '--resume']);
    expect(completeResume(['--resume=0a1b2c3d'])).toEqual(['--resume=0a1b2c3d']);
  });
});

describe('settings: typed, remembered, forgotten', () => {
  const machine = { grant: 'client_credentials', authority: 'https://a', clientId: 'x' } as const;
  const none = { grant: undefined, settings: {}, stdin: undefined };

  test.each([
    ['nothing typed: as the last time', none, machine, machine],
    ['auto forgets', { ...none, grant: 'auto' }, machine, {}],
    ['another grant drops what belonged to the old one', { ...none, grant: 'code' }, machine, { grant: 'code' }],
    ['the same grant keeps it', { ...none, grant: 'client_credentials' }, machine, machine],
    ['flags win', { ...none, settings: { clientId: 'y' } }, machine, { ...machine, clientId: 'y' }],
    ['a flag of one grant names it', { ...none, settings: { tokenFile: '/t' } }, {}, { grant: 'ci', tokenFile: '/t' }],
    ['so does a secret on standard input', { ...none, stdin: 'password' }, machine, { grant: 'password' }],
    ['a provider names no grant', { ...none, settings: { provider: 'p' } }, {}, { provider: 'p' }],
  ] as const)('%s', (_name, input, remembered, wanted) => {
    expect(settingsOf(input, remembered)).toEqual(wanted);
  });
});

describe('the screen', () => {
  const pending: PendingLogin = {
    userCode: 'ABCD-EFGH',
    verificationUri: 'https://idp.example/device',
    verificationUriComplete: 'https://idp.example/device?user_code=ABCD-EFGH',
    provider: 'corp',
    onlyHere: false,
    expiresIn: 600,
    secondsLeft: () => 600,
  };
  const connection = { name: 'lab', address: 'lab.example:9093', host: 'lab.example' } as Connection;
  const terminal = { errIsTty: true, rows: 60, columns: 80 };

  async function shown(over: Partial<PendingLogin>, plain: boolean, env: NodeJS.ProcessEnv = { CI: '' }) {
    const context = cliContext({ cwd: '/', env, stdio: terminal });
    const screen = pendingScreen(context, connection, { launchBrowser: false, plain });
    await screen.show({ ...pending, ...over });
    screen.end();
    return context.written.err;
  }

  test('DG-05, DG-12: address as a link, code, QR code, and whose login it is', async () => {
    const text = await shown({}, false);
    expect(text).toContain('\u001b]8;;https://idp.example/device?user_code=ABCD-EFGH\u001b\\https://idp');
    expect(text).toContain('Your code:  ABCD-EFGH');
    expect(text).toMatch(/[█▀▄]/);
    expect(text).toContain('Approve this code only if you started this login yourself, for lab.example.');
  });

  test.each([
    ['--plain', true, { CI: '' }],
    ['FEDCTL_PLAIN=1', false, { CI: '', FEDCTL_PLAIN: '1' }],
  ] as const)(
    '%s: one line per change, and nothing that a screen reader would stumble over',
    async (_name, plain, env) => {
      const text = await shown({}, plain, env);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      expect(text).not.toMatch(/[\u001b\r█▀▄]/);
      expect(text).toContain('Waiting for approval, at most 10 minutes.');
    },
  );

  test('the code grant says that only this machine will do, and shows no QR code', async () => {
    const url = 'https://idp.example/authorize?state=s';
    const text = await shown(
      { onlyHere: true, userCode: '', verificationUri: url, verificationUriComplete: url },
      false,
    );
    expect(text).toContain('The browser must be on this machine.');
    expect(text).not.toMatch(/[█▀▄]|Your code/);
    expect(text).toContain(`fedctl-login: url=${url} code= expires-in=600`);
  });

  test('a link only where it can be clicked', () => {
    const link = (env: NodeJS.ProcessEnv, errIsTty = true) =>
      linkFor(cliContext({ cwd: '/', env: { CI: '', ...env }, stdio: { errIsTty } }))('https://x/');
    expect([link({ TERM: 'dumb' }), link({ CI: 'true' }), link({}, false)]).toEqual(Array(3).fill('https://x/'));
    expect(link({})).toContain('\u001b]8;;');
  });
});
