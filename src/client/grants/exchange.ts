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

export interface Subject {
  readonly token: Secret;
  readonly type: (typeof SUBJECT)[keyof typeof SUBJECT];
}

/** Exchanges a token for one of the server's (RFC 8693); scopes and audience narrow it. */
export async function exchangeToken(
  { client, program, host }: Pick<GrantRequest, 'client' | 'program' | 'host'>,
  { token, type }: Subject,
  { scopes = [], audience = [] }: { scopes?: readonly string[]; audience?: readonly string[] } = {},
): Promise<NewLogin> {
  const answer = await callUnary(client, client.sessions.exchangeToken.bind(client.sessions), {
    subjectToken: token.reveal(),
    subjectTokenType: type,
    actorToken: '',
    actorTokenType: '',
    requestedTokenType: SUBJECT.accessToken,
    audience: [...audience],
    resource: [],
    scopes: [...scopes],
    client: program,
    host,
  });
  return exchangedLogin(answer);
}
