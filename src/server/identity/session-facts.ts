import { display, type IdTokenClaims } from './claims.ts';
import type { TokenAnswer } from './told.ts';

/** A provider's access token, as a session keeps it for handing out (JSON, sealed). */
export interface AccessAtProvider {
  readonly token: string;
  /** As in an Authorization header: "Bearer". */
  readonly type: string;
  /** Epoch ms; 0 where the provider did not say. */
  readonly expiresAt: number;
}

/** What a session keeps of a login beside who it was. */
export interface SessionFacts {
  /** `sid` of the ID token (Back-Channel Logout 1.0 section 2.1); "" where there is none. */
  readonly sid: string;
  readonly acr: string;
  readonly idToken: string | undefined;
  readonly access: AccessAtProvider | undefined;
}

const MAX_SID = 255;

export function sessionFacts(
  claims: IdTokenClaims,
  answer: TokenAnswer,
  { shareTokens, now }: { shareTokens: boolean; now: number },
): SessionFacts {
  const { sid } = claims;
  return {
    // Compared as it is: one that is cut or cleaned would be another.
    sid: typeof sid === 'string' && sid.length <= MAX_SID ? sid : '',
    acr: display(claims.acr),
    idToken: answer.id_token,
    access: shareTokens ? accessOf(answer, now) : undefined,
  };
}

export function accessOf(answer: TokenAnswer, now: number): AccessAtProvider {
  const { access_token, token_type, expires_in } = answer;
  const type = token_type.toLowerCase() === 'bearer' ? 'Bearer' : token_type;
  return { token: access_token, type, expiresAt: expires_in === undefined ? 0 : now + expires_in * 1000 };
}
