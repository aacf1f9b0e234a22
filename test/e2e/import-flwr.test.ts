import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { type RunningCli, runCli } from '../support/cli.ts';
import { flowerVenv } from '../support/flower-releases.ts';
import { openRelease } from '../support/flwr-release.ts';
import { invitePeople } from '../support/people.ts';
import { sharedStack } from './stack/shared.ts';

/** Logins that the real flwr has made, of each way in which it keeps them. */
describe('login --import-flwr', () => {
  const facts = sharedStack();
  const people = invitePeople(facts);
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-import-'));

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    people.leave();
  });

  test.each(['1.22.0', '1.25.0', '1.26.1', '1.32.1', '1.41.0'])(
    'flwr %s logs in, fedctl goes on with it',
    async (release) => {
      const home = join(folder, release);
      const said: RunningCli[] = [];
      const { approve } = people.person('bob');
      const venv = await flowerVenv(release);
      const user = openRelease({ release, venv, home, facts, approve, said });
      expect(await user.login()).toMatchObject({ code: 0 });
      const isProject = Number(release.split('.')[1]) < 26;
      const theirs = join(home, '.flwr/credentials.yaml');
      const before = isProject ? '' : readFileSync(theirs, 'utf8');
      const { access } = user.tokens();

      const fedctl = (...args: string[]) =>
        runCli(args, { cwd: isProject ? join(home, 'ticker') : home, env: { FLWR_HOME: join(home, '.flwr') } });
      expect((await fedctl('ls')).code).not.toBe(0);
      expect(await fedctl('login', '--import-flwr')).toMatchObject({
        code: 0,
        stdout: `Logged in to ${user.address} as bob.\n`,
      });
      expect(await fedctl('whoami')).toMatchObject({ code: 0, stdout: expect.stringContaining('bob') });
      expect((await fedctl('ls')).code).toBe(0);
      const ours = join(home, isProject ? 'ticker' : '', '.flwr/.credentials/lab.json');
      expect(JSON.parse(readFileSync(ours, 'utf8'))['flwr-oidc-access-token']).toBe(access);
      expect(statSync(ours).mode & 0o777).toBe(0o600);
      if (!isProject) expect(readFileSync(theirs, 'utf8')).toBe(before);
      expect((await fedctl('logout')).code).toBe(0);
    },
    180_000,
  );
});
