import { readFile } from 'node:fs/promises';
import type { LoginSecrets } from '../client/grants/types.ts';
import { AppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { LoginSettings } from '../credentials/login-settings.ts';
import { askLine, askSecret, canAsk, pipedSecret } from './ask.ts';
import type { Context } from './context.ts';

/** Which secret is to be read from standard input. */
export type SecretOnStdin = 'client-secret' | 'password' | 'token';

/** Where CI systems put the id token of a job that asks for one: GitLab's `id_tokens` may have any name, these are looked for. */
const ID_TOKENS = ['FEDCTL_ID_TOKEN', 'GITLAB_OIDC_TOKEN'] as const;
const MAX_BYTES = 64 * 1024;

/** True where a CI job finds an id token by itself: in the environment, or by asking GitHub's runner. */
export function findsIdToken(env: NodeJS.ProcessEnv): boolean {
  const github = Boolean(env.ACTIONS_ID_TOKEN_REQUEST_URL && env.ACTIONS_ID_TOKEN_REQUEST_TOKEN);
  return github || ID_TOKENS.some((name) => env[name]);
}

/** Secrets for a login: from standard input, a file, the environment, or asked for at a terminal; never from arguments. */
export function loginSecrets(
  context: Context,
  from: { settings: LoginSettings; stdin: SecretOnStdin | undefined; host: string },
): LoginSecrets {
  const { settings, stdin } = from;
  const { env } = context;
  return {
    async clientSecret() {
      if (stdin === 'client-secret') return await pipedSecret();
      if (settings.clientSecretFile !== undefined) return await readSecretFile(settings.clientSecretFile);
      if (env.FEDCTL_CLIENT_SECRET) return new Secret(env.FEDCTL_CLIENT_SECRET);
      throw missing(
        'There is no client secret.',
        'Name a file that holds it (--client-secret-file), set FEDCTL_CLIENT_SECRET, or pipe it in (--client-secret-stdin).',
      );
    },
    async workloadToken() {
      if (stdin === 'token') return await pipedSecret();
      if (settings.tokenFile !== undefined) return await readSecretFile(settings.tokenFile);
      const given = ID_TOKENS.map((name) => env[name]).find(Boolean);
      return given === undefined ? undefined : new Secret(given);
    },
    async password() {
      context.note(
        `Warning: the password grant hands your password to fedctl and to ${from.host}. A login in the browser doesn't: fedctl login --grant auto`,
      );
      if (stdin === 'password' && settings.username === undefined) throw missing('--password-stdin needs --username.');
      const username = settings.username ?? (await askName(context));
      return { username, password: stdin === 'password' ? await pipedSecret() : await askPassword(context) };
    },
  };
}

async function readSecretFile(path: string): Promise<Secret> {
  try {
    return secretOf((await readFile(path)).subarray(0, MAX_BYTES), path);
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== 'string') throw error;
    throw new AppError('FAILED_PRECONDITION', 'SECRET_UNREADABLE', `${path} can't be read.`, { cause: error });
  }
}

/** One line, without its end. */
function secretOf(content: Buffer, from: string): Secret {
  const text = content.toString('utf8').replace(/\r?\n$/, '');
  if (text === '' || /[\r\n\0]/.test(text)) throw missing(`${from} holds no secret, which is one line.`);
  return new Secret(text);
}

function needTerminal(context: Context, instead: string): void {
  if (!canAsk(context)) throw missing('There is no terminal to ask at.', `Use ${instead}.`);
}

async function askName(context: Context): Promise<string> {
  needTerminal(context, '--username NAME and --password-stdin');
  return await askLine(context, 'User name');
}

async function askPassword(context: Context): Promise<Secret> {
  needTerminal(context, '--password-stdin');
  return (await askSecret(context, 'Password')) ?? new Secret('');
}

function missing(text: string, hint?: string): AppError {
  return new AppError('INVALID_ARGUMENT', 'USAGE', text, hint === undefined ? {} : { hint });
}
