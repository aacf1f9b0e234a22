import type { Page } from 'playwright-core';
import type { CliResult, RunningCli } from '../support/cli.ts';
import type { Person } from '../support/people.ts';
import { devIdpPages, devicePage, endPage, LOGGED_IN } from './pages.ts';
import { passwordOf, type Stage } from './stage/shared.ts';

/** A login that waits for somebody to go to `url`. */
export interface WaitingLogin {
  readonly program: RunningCli;
  readonly url: string;
  readonly code: string;
  ended(): Promise<CliResult>;
}

/** Logins of people whose browser is elsewhere. */
export interface Logins {
  /** Starts `fedctl login`; who is logged in logs in anew. */
  start(person: Person, ...flags: string[]): Promise<WaitingLogin>;
  /** Ends those that a failed test has left waiting. */
  end(): void;
}

export function openLogins(): Logins {
  const started: RunningCli[] = [];
  return {
    async start(person, ...flags) {
      // How somebody logged in is remembered for the next time.
      const grant = flags.includes('--grant') ? [] : ['--grant', 'device_code'];
      const program = person.start('login', '--no-launch-browser', '--force', ...grant, ...flags);
      started.push(program);
      await program.until('fedctl-login: url=');
      const [, url = '', code = ''] = /^fedctl-login: url=(\S+) code=(\S*)/m.exec(program.err()) ?? [];
      return { program, url, code, ended: () => program.ended };
    },
    end() {
      for (const { child } of started.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
    },
  };
}

/** Goes the whole way as `name`, from our device page over the dev identity provider to the last page. */
export async function goThrough(stage: Stage, page: Page, { url, name }: { url: string; name: string }): Promise<void> {
  await page.goto(url);
  await devicePage(page).confirm();
  await signIn(stage, page, name);
  await endPage(page).reached(LOGGED_IN);
}

/** At the dev identity provider: its login page and its question. */
export async function signIn(stage: Stage, page: Page, name: string): Promise<void> {
  const idp = devIdpPages(page);
  await idp.logIn(name, passwordOf(stage, name));
  await idp.allow();
}
