import { AppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { KeyAgent } from '../credentials/key-agent.ts';
import { osKeyring } from '../credentials/keyring.ts';
import type { KeySources, PassphraseQuestion } from '../credentials/keys.ts';
import type { LoginEdges } from './login-store.ts';
import { readPrivateSecret } from './private-secret.ts';

const FILE = 'FEDCTL_PASSPHRASE_FILE';
const MOST_TRIES = 3;

/** Where the keys of sealed logins come from: what this process knows, the agent, the keyring, a file, a person. */
export function keySources(edges: LoginEdges): KeySources {
  let agent: Promise<KeyAgent | undefined> | undefined;
  return {
    agent: () => {
      agent ??= openAgent(edges);
      return agent;
    },
    keyring: osKeyring,
    passphrase: (question) => passphrase(edges, question),
    known: edges.knownKeys ?? new Map(),
  };
}

async function openAgent({ env, note }: LoginEdges): Promise<KeyAgent | undefined> {
  const socket = env.FEDCTL_AGENT_SOCK;
  if (!socket) return undefined;
  const { openKeyAgent } = await import('../credentials/agent-client.ts');
  return openKeyAgent(socket, note);
}

async function passphrase(edges: LoginEdges, question: PassphraseQuestion): Promise<Secret> {
  const file = edges.env[FILE];
  if (file) {
    if (question.wrong > 0) throw wrongPassphrase(question, `${file}, which ${FILE} names, holds another one.`);
    return readPrivateSecret(file, FILE);
  }
  if (!canAsk(edges)) throw nobodyToAsk(question);
  if (question.wrong >= MOST_TRIES) throw wrongPassphrase(question, 'Nothing was changed.');
  if (question.wrong > 0) edges.stdio?.err('That is not the passphrase.\n');
  return question.isNew ? await askTwice(edges, question) : await ask(edges, `Passphrase of ${question.path}:`);
}

function canAsk({ stdio, json }: LoginEdges): boolean {
  return stdio?.errIsTty === true && json !== true && process.stdin.isTTY === true;
}

async function askTwice(edges: LoginEdges, { path }: PassphraseQuestion): Promise<Secret> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const first = await ask(edges, `New passphrase for ${path}:`);
    const second = await ask(edges, 'The same again:');
    if (first.reveal() === second.reveal()) return first;
    edges.stdio?.err('The two are not the same.\n');
  }
  throw new AppError('INVALID_ARGUMENT', 'PASSPHRASE_INVALID', 'No passphrase was chosen.');
}

async function ask({ signal, stdio }: LoginEdges, message: string): Promise<Secret> {
  const { default: password } = await import('@inquirer/password');
  try {
    for (;;) {
      const edges = { input: process.stdin, output: process.stderr, ...(signal && { signal }) };
      const text = await password({ message, mask: false, toggleMask: false }, edges);
      if (text !== '') return new Secret(text);
      stdio?.err('A passphrase has at least one character.\n');
    }
  } catch (error) {
    // Ctrl-C at the prompt is a key there, no signal.
    if (!['ExitPromptError', 'AbortPromptError'].includes((error as Error).name)) throw error;
    throw new AppError('CANCELLED', 'NOT_CONFIRMED', 'No passphrase was given.');
  }
}

function wrongPassphrase({ path }: PassphraseQuestion, hint: string): AppError {
  return new AppError('UNAUTHENTICATED', 'PASSPHRASE_WRONG', `The passphrase does not open ${path}.`, {
    hint: `${hint} Forgotten: fedctl login --force`,
  });
}

function nobodyToAsk({ path }: PassphraseQuestion): AppError {
  const text = `The login in ${path} wants a passphrase, and there is no terminal to ask at.`;
  return new AppError('UNAUTHENTICATED', 'PASSPHRASE_NEEDED', text, {
    hint: `Start an agent and unlock it there (eval "$(fedctl agent)"), or name a private file that holds the passphrase: ${FILE}`,
  });
}
