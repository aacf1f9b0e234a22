import { callUnary } from '../unary.ts';
import { pairOf } from './answers.ts';
import type { Grant } from './types.ts';

/** Login with a password, where an administrator has allowed that for the provider (RFC 6749 section 4.3). */
export const password: Grant = async ({ client, settings, secrets, program, host }) => {
  const given = await secrets.password();
  const answer = await callUnary(client, client.sessions.passwordLogin.bind(client.sessions), {
    provider: settings.provider ?? '',
    username: given.username,
    password: given.password.reveal(),
    client: program,
    host,
  });
  return pairOf(answer.tokens);
};
