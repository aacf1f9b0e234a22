import { createInterface } from 'node:readline/promises';
import { AppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { Context } from './context.ts';

const MAX_BYTES = 64 * 1024;

/** Whether somebody sits there who could be asked. */
export function canAsk({ json, stdio }: Context): boolean {
  return !json && stdio.errIsTty && process.stdin.isTTY === true;
}

/** One line from the terminal; "" for Enter. The question goes to stderr, as all that is no result. */
export async function askLine(context: Context, question: string): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await reader.question(`${question}: `, { signal: context.signal })).trim();
  } finally {
    reader.close();
  }
}

/** A secret from the terminal, without echo; undefined for Enter. @throws CANCELLED NOT_CONFIRMED */
export async function askSecret(context: Context, question: string): Promise<Secret | undefined> {
  const { default: password } = await import('@inquirer/password');
  try {
    const edges = { input: process.stdin, output: process.stderr, signal: context.signal };
    const text = await password({ message: `${question}:`, toggleMask: false }, edges);
    return text === '' ? undefined : new Secret(text);
  } catch (error) {
    if (!['ExitPromptError', 'AbortPromptError'].includes((error as Error).name)) throw error;
    throw new AppError('CANCELLED', 'NOT_CONFIRMED', 'Nothing was changed.');
  }
}

/** A secret of one line from standard input. @throws INVALID_ARGUMENT USAGE */
export async function pipedSecret(): Promise<Secret> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    size += chunk.length;
    if (size > MAX_BYTES) break;
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (size <= MAX_BYTES && text !== '' && !/[\r\n\0]/.test(text)) return new Secret(text);
  throw new AppError('INVALID_ARGUMENT', 'USAGE', 'Standard input holds no secret, which is one line.');
}
