import { createInterface } from 'node:readline';
import { AppError } from '../core/errors.ts';
import type { Context } from './context.ts';

/**
 * Asks whether to go on, where somebody sits at a terminal; elsewhere, with `yes` and with JSON the answer is yes.
 * @throws CANCELLED NOT_CONFIRMED
 */
export async function confirm(context: Context, { question, yes }: { question: string; yes: boolean }): Promise<void> {
  if (yes || context.json || !context.stdio.errIsTty || process.stdin.isTTY !== true) return;
  context.stdio.err(`${question} [y/N] `);
  const answer = await readLine();
  if (/^y(es)?$/i.test(answer.trim())) return;
  throw new AppError('CANCELLED', 'NOT_CONFIRMED', 'Nothing was changed.');
}

/** A line of standard input; "" where it ends. */
async function readLine(): Promise<string> {
  // Not as a terminal of its own: Ctrl-C stays a signal.
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
