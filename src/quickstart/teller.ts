import { AppError } from '../core/errors.ts';
import { approveLogin } from '../dev/approve.ts';
import { explain, type Outcome, quote, runFedctl, type Write } from './shell.ts';
import type { Stage } from './stage.ts';

/** What a step must come to; anything else ends the quickstart with a failure. */
export interface Expected {
  /** Exit code; 0 if absent. */
  readonly code?: number;
  readonly shows?: RegExp;
  readonly lacks?: RegExp;
}

/** Tells the story: a line of explanation, a real command, its real output, and a check of it. */
export interface Teller {
  explain(text: string): void;
  run(who: string, args: readonly string[], expected?: Expected): Promise<Outcome>;
  /** `fedctl login`, approved in the browser by the person, or through the login pages by us. */
  logIn(who: string): Promise<void>;
}

export function createTeller(options: {
  stage: Stage;
  project: string;
  byHand: boolean;
  write: Write;
  signal: AbortSignal;
}): Teller {
  const { stage, project, byHand, write, signal } = options;
  const commandOf = (who: string, args: readonly string[]) => ({
    who,
    args,
    cwd: project,
    env: stage.environmentOf(who),
    signal,
  });
  return {
    explain: (text) => explain(text, write),
    async run(who, args, expected = {}) {
      const outcome = await runFedctl(commandOf(who, args), write);
      check(who, args, outcome, expected);
      return outcome;
    },
    async logIn(who) {
      const account = stage.facts.accounts.find((one) => one.name === who);
      if (!account) throw new AppError('INTERNAL', 'QUICKSTART_ACCOUNT', `The stack has no account ${who}.`);
      if (byHand) {
        explain(`In the browser, log in as ${who} with the password ${account.password}`, write);
        const outcome = await runFedctl({ ...commandOf(who, ['login']), terminal: true }, write);
        check(who, ['login'], outcome, {});
        return;
      }
      const args = ['login', '--no-launch-browser'];
      let approval: Promise<void> | undefined;
      const watch = (output: string): void => {
        const url = /^fedctl-login: url=(\S+)/m.exec(output)?.[1];
        if (url) approval ??= approveLogin({ url, account });
        // Judged once the command has ended; until then nobody else looks.
        approval?.catch(() => {});
      };
      const outcome = await runFedctl({ ...commandOf(who, args), watch }, write);
      await approval;
      check(who, args, outcome, { shows: new RegExp(`as ${who}\\b`) });
    },
  };
}

function check(who: string, args: readonly string[], { code, output }: Outcome, expected: Expected): void {
  const command = `${who}$ fedctl ${args.map(quote).join(' ')}`;
  const wanted = expected.code ?? 0;
  if (code !== wanted) throw unexpected(`"${command}" ended with ${code}, not with ${wanted}.`);
  if (expected.shows && !expected.shows.test(output)) throw unexpected(`"${command}" did not show what it should.`);
  if (expected.lacks?.test(output)) throw unexpected(`"${command}" showed what it should not.`);
}

function unexpected(text: string): AppError {
  return new AppError('FAILED_PRECONDITION', 'QUICKSTART_STEP', text);
}
