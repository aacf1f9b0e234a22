import { AppError } from '../../core/errors.ts';
import { callUnary } from '../unary.ts';
import { pairOf } from './answers.ts';
import { listProviders } from './providers.ts';
import type { Grant } from './types.ts';

/** Login with a password, where an administrator has allowed that for the provider (RFC 6749 section 4.3). */
export const password: Grant = async ({ client, settings, secrets, program, host }) => {
  const { provider = '' } = settings;
  const listed = await listProviders(client);
  const offered = listed?.find(({ alias }) => provider === '' || alias === provider)?.grants;
  // Nobody types a password for a server that does not take it.
  if (offered?.includes('password') === false) throw notOffered();
  const given = await secrets.password();
  const answer = await callUnary(client, client.sessions.passwordLogin.bind(client.sessions), {
    provider,
    username: given.username,
    password: given.password.reveal(),
    client: program,
    host,
  });
  return pairOf(answer.tokens);
};

function notOffered(): AppError {
  const text = 'This server does not take passwords: no administrator has allowed it for this identity provider.';
  return new AppError('FAILED_PRECONDITION', 'GRANT_NOT_OFFERED', text, {
    hint: 'What there is: fedctl login --list-providers',
  });
}
