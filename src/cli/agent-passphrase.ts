import { AppError } from '../core/errors.ts';
import { askSecret, canAsk, pipedSecret } from './ask.ts';
import type { Context } from './context.ts';

/** The agent's passphrase: asked without echo at a terminal, else the line of standard input. @throws INVALID_ARGUMENT USAGE */
export async function askPassphrase(context: Context, question = 'Passphrase of the agent'): Promise<Buffer> {
  const secret = canAsk(context) ? await askSecret(context, question) : await pipedSecret();
  if (secret !== undefined) return Buffer.from(secret.reveal());
  throw new AppError('INVALID_ARGUMENT', 'USAGE', 'The passphrase is empty.');
}

/** As {@link askPassphrase}, twice at a terminal. @throws INVALID_ARGUMENT USAGE */
export async function askNewPassphrase(context: Context): Promise<Buffer> {
  const first = await askPassphrase(context, 'New passphrase for the agent');
  if (!canAsk(context)) return first;
  const second = await askPassphrase(context, 'The same again');
  const isSame = first.equals(second);
  second.fill(0);
  if (isSame) return first;
  first.fill(0);
  throw new AppError('INVALID_ARGUMENT', 'USAGE', 'The two are not the same.');
}
