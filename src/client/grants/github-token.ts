import { AppError, isAppError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import { fetchWeb } from '../web.ts';

/** What GitHub Actions gives a job that has "permissions: id-token: write". */
const [ADDRESS, KEY] = ['ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'];

export function offersGithubToken(env: NodeJS.ProcessEnv): boolean {
  return Boolean(env[ADDRESS] && env[KEY]);
}

/**
 * The id token of this job for one audience, from the runner's own endpoint.
 * @throws UNAVAILABLE ID_TOKEN_UNAVAILABLE
 */
export async function fetchGithubToken(request: {
  readonly env: NodeJS.ProcessEnv;
  readonly audience: string;
  readonly signal: AbortSignal;
}): Promise<Secret> {
  const { env, audience, signal } = request;
  const headers = { authorization: `Bearer ${env[KEY]}`, accept: 'application/json' };
  try {
    const url = new URL(env[ADDRESS] ?? '');
    url.searchParams.set('audience', audience);
    const { status, body } = await fetchWeb(url.href, { headers, signal, env });
    const { value } = status === 200 ? (JSON.parse(body) as { value?: unknown }) : { value: undefined };
    if (typeof value === 'string' && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(value)) return new Secret(value);
    throw unavailable(`it answered ${status}`);
  } catch (error) {
    // The parser's message quotes the text, which may be a token.
    throw isAppError(error) ? error : unavailable('it can not be reached, or its answer makes no sense');
  }
}

function unavailable(why: string): AppError {
  const text = `GitHub Actions gave no id token: ${why}.`;
  return new AppError('UNAVAILABLE', 'ID_TOKEN_UNAVAILABLE', text, {
    hint: 'Give the job "permissions: id-token: write", and look at the status of GitHub Actions.',
  });
}
