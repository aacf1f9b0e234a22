import { createInterface } from 'node:readline';
import { AppError } from '../core/errors.ts';
import type { Context } from './context.ts';

type Edges = Pick<Context, 'stdio'>;

/** A passphrase: asked without echo at a terminal, else the first line of standard input. @throws INVALID_ARGUMENT USAGE */
export async function askPassphrase({ stdio }: Edges, question = 'Passphrase of the agent:'): Promise<Buffer> {
  const isAsked = stdio.errIsTty && process.stdin.isTTY === true;
  const text = isAsked ? await ask(question) : await readLine();
  if (text !== '') return Buffer.from(text);
  throw new AppError('INVALID_ARGUMENT', 'USAGE', 'The passphrase is empty.', {
    hint: 'Type it at a terminal, or give it as a line on standard input.',
  });
}

/** As {@link askPassphrase}, twice at a terminal. @throws INVALID_ARGUMENT USAGE */
export async function askNewPassphrase(edges: Edges): Promise<Buffer> {
  const first = await askPassphrase(edges, 'New passphrase for the agent:');
  if (!edges.stdio.errIsTty || process.stdin.isTTY !== true) return first;
  const second = await askPassphrase(edges, 'The same again:');
  const isSame = first.equals(second);
  second.fill(0);
  if (isSame) return first;
  first.fill(0);
  throw new AppError('INVALID_ARGUMENT', 'USAGE', 'The two are not the same.');
}

/** On stderr: stdout is for results. */
async function ask(message: string): Promise<string> {
  const { default: password } = await import('@inquirer/password');
  return await password({ message, mask: false }, { output: process.stderr });
}

async function readLine(): Promise<string> {
  const reader = createInterface({ input: process.stdin, terminal: false });
  try {
    return await new Promise((resolve) => {
      reader.once('line', resolve);
      reader.once('close', () => resolve(''));
    });
  } finally {
    reader.close();
  }
}
