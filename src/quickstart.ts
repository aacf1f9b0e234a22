import { parseArgs } from 'node:util';
import { isHeadless, surroundings } from './cli/browser.ts';
import { EXIT } from './cli/exit-codes.ts';
import { renderFailure } from './cli/failure.ts';
import { processStdio } from './cli/stdio.ts';
import { playQuickstart } from './quickstart/play.ts';

const HELP = `npm run quickstart -- [--yes] [--keep]

Shows the whole of fedctl on a stack of its own: login, a private federated run, a stranger who is refused, a grant.
  --yes   approve the logins without a browser; also done where there is no terminal or no browser to be seen
  --keep  keep the stack up at the end, until Ctrl-C
`;

const stdio = processStdio();
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort());
// Whoever read the story has gone: nothing is left to tell, but the stack must still be ended.
process.stdout.on('error', () => interrupted.abort());

try {
  const { values } = parseArgs({
    options: { yes: { type: 'boolean' }, keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) stdio.out(HELP);
  else {
    const byHand = !values.yes && stdio.outIsTty && !isHeadless(surroundings());
    await playQuickstart({ byHand, keep: values.keep === true, interrupted: interrupted.signal, write: stdio.out });
  }
} catch (error) {
  if (interrupted.signal.aborted) process.exitCode = EXIT.interrupted;
  else process.exitCode = renderFailure(error, { json: false, verbose: false }, stdio);
}
