import { join } from 'node:path';
import { explain, FEDCTL, quote, runFedctl, type Write } from './shell.ts';
import { type Stage, setStage } from './stage.ts';
import { tellStory } from './story.ts';
import { createTeller } from './teller.ts';

export interface PlayOptions {
  /** The person approves logins in their browser; else it is done for them. */
  readonly byHand: boolean;
  /** Keep the stack up at the end, until `interrupted`. */
  readonly keep: boolean;
  readonly interrupted: AbortSignal;
  readonly write: Write;
}

const PROJECT = 'hello-fl';

/** The quickstart from the start of the stack to its end. @throws where a step fails; the stack's folder is kept then */
export async function playQuickstart(options: PlayOptions): Promise<void> {
  const { write, byHand, keep, interrupted } = options;
  explain('fedctl in one go: login, a private federated run, a stranger, a grant.', write);
  explain('First, a whole stack on this machine, in a temporary folder.', write);
  const stage = await setStage(write, interrupted);
  try {
    const project = join(stage.folder, PROJECT);
    await makeProject(stage, write, interrupted);
    await tellStory(createTeller({ stage, project, byHand, write, signal: interrupted }));
    if (keep) await holdStage(stage, project, write);
  } catch (error) {
    await stage.clear({ keep: !interrupted.aborted });
    if (!interrupted.aborted) write(`\nWhat is left to look at: ${stage.folder} (logs are in state/logs)\n`);
    throw error;
  }
  await stage.clear({ keep: false });
  explain('Done. The stack has ended and its folder is deleted.', write);
}

async function makeProject(stage: Stage, write: Write, signal: AbortSignal): Promise<void> {
  explain('A project from a template: a small model on generated data, NumPy only.', write);
  const env = stage.environmentOf('alice');
  const { code } = await runFedctl({ who: 'alice', args: ['new', PROJECT], cwd: stage.folder, env, signal }, write);
  if (code !== 0) throw new Error('The project could not be made.');
}

/** Says how to go on, and waits for Ctrl-C. */
async function holdStage(stage: Stage, project: string, write: Write): Promise<void> {
  const lines = [
    '',
    '# The stack stays up. In another terminal, as alice:',
    `cd ${quote(project)}`,
    `export FLWR_HOME=${quote(join(stage.folder, 'alice'))}`,
    `alias fedctl=${quote(`${process.execPath} ${FEDCTL}`)}`,
    'fedctl login',
    '',
    '# Accounts and passwords:',
    ...stage.facts.accounts.map(({ name, password }) => `${name}  ${password}`),
    '',
    '# Ctrl-C here ends the stack and deletes its folder.',
  ];
  write(`${lines.join('\n')}\n`);
  // Interrupted, we end the stack (stage.ts); and where it has ended by itself there is nothing to hold.
  await stage.ended;
}
