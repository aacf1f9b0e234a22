import type { Secret } from '../../core/secret.ts';
import type { NewLogin } from '../login.ts';
import { callUnary } from '../unary.ts';
import { exchangedLogin } from './answers.ts';
import type { GrantRequest } from './types.ts';

/** Subject token types of RFC 8693 section 3. */
export const SUBJECT = {
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
} as const;

/** Exchanges a token of another issuer for one of the server's (RFC 8693). Scopes narrow it. */
export async function exchangeForLogin(
  { client, settings, program, host }: Pick<GrantRequest, 'client' | 'settings' | 'program' | 'host'>,
  subject: { readonly token: Secret; readonly type: (typeof SUBJECT)[keyof typeof SUBJECT] },
  scopes: readonly string[] = settings.scopes ?? [],
): Promise<NewLogin> {
  const answer = await callUnary(client, client.sessions.exchangeToken.bind(client.sessions), {
    subjectToken: subject.token.reveal(),
    subjectTokenType: subject.type,
    actorToken: '',
    actorTokenType: '',
    requestedTokenType: SUBJECT.accessToken,
    audience: [],
    resource: [],
    scopes: [...scopes],
    client: program,
    host,
  });
  return exchangedLogin(answer);
}
