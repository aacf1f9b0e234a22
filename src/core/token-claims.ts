import type { Secret } from './secret.ts';

/** Claims that the client may look at. They are not verified: they route and pace, they never grant. */
export interface TokenClaims {
  readonly iss?: string;
  readonly sid?: string;
  /** Seconds since the epoch. */
  readonly exp?: number;
  /** Seconds since the epoch. */
  readonly iat?: number;
}

/** The claims of a JWT; none for anything else. */
export function tokenClaims(token: Secret): TokenClaims {
  try {
    const [, payload = ''] = token.reveal().split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Record<string, unknown>;
    const { iss, sid, exp, iat } = claims;
    return {
      ...(typeof iss === 'string' && { iss }),
      ...(typeof sid === 'string' && { sid }),
      ...(typeof exp === 'number' && Number.isFinite(exp) && { exp }),
      ...(typeof iat === 'number' && Number.isFinite(iat) && { iat }),
    };
  } catch {
    return {};
  }
}
