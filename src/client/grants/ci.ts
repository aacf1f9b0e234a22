import { AppError } from '../../core/errors.ts';
import { callUnary } from '../unary.ts';
import { exchangeToken, SUBJECT } from './exchange.ts';
import { fetchGithubToken, offersGithubToken } from './github-token.ts';
import type { Grant, GrantRequest } from './types.ts';

/** Login of a workload by the token that its platform gives it: no secret is stored anywhere. */
export const ci: Grant = async (request) => {
  const token = (await request.secrets.workloadToken()) ?? (await askPlatform(request));
  return await exchangeToken(request, { token, type: SUBJECT.jwt }, { scopes: request.settings.scopes ?? [] });
};

async function askPlatform({ client, env, signal }: GrantRequest) {
  if (!offersGithubToken(env)) throw noIdToken(env);
  const info = await callUnary(client, client.sessions.getServerInfo.bind(client.sessions), { probe: false });
  // For this server and no other: the token is worth nothing elsewhere.
  return await fetchGithubToken({ env, audience: info.issuer, signal });
}

function noIdToken(env: NodeJS.ProcessEnv): AppError {
  const hint = env.GITHUB_ACTIONS
    ? 'Give the job "permissions: id-token: write".'
    : env.GITLAB_CI
      ? 'Give the job "id_tokens: FEDCTL_ID_TOKEN: aud: ISSUER", where ISSUER is what "fedctl doctor" names.'
      : 'Name a file that holds one: --token-file FILE (or --token-stdin).';
  return new AppError('FAILED_PRECONDITION', 'ID_TOKEN_MISSING', 'This job has no id token to log in with.', { hint });
}
