import type { AccountStore } from '../../../core/accounts.ts';
import type { Clock } from '../../../core/clock.ts';
import type { Logger } from '../../../core/log.ts';
import type { TokenExchange } from '../../../core/services.ts';
import type { SessionStore } from '../../../core/sessions.ts';
import type { OnIdentityEvent } from '../events.ts';
import type { LiveSessions } from '../live-sessions.ts';
import type { AccessTokens } from '../tokens.ts';
import { createTransport, type Transport } from '../transport.ts';
import { type BearerTokens, createBearerTokens } from './bearer.ts';
import { createEndpoints, ownOrigins } from './endpoints.ts';
import { createExchange } from './exchange.ts';
import { createKeySet } from './key-set.ts';
import { createOfflineValidator } from './offline.ts';
import { createOnlineValidator } from './online.ts';
import { createExchangedSessions } from './opening.ts';
import { createSubjectTokens, type TrustedIssuer } from './subject.ts';
import type { TrustOptions, TrustRule } from './types.ts';

export type { BearerTokens } from './bearer.ts';
export type { TrustOptions, TrustRule } from './types.ts';

export interface TrustPartsOptions {
  /** `iss` and `aud` of our own tokens. */
  readonly issuer: string;
  readonly audience: string;
  readonly audiences: readonly string[];
  readonly issuers: readonly TrustOptions[];
  readonly rules: readonly TrustRule[];
  readonly tokens: AccessTokens;
  readonly live: LiveSessions;
  readonly sessions: SessionStore;
  readonly accounts: AccountStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onEvent: OnIdentityEvent;
}

export interface TrustParts {
  readonly bearer: BearerTokens;
  readonly exchange: TokenExchange['exchange'];
  close(): Promise<void>;
}

/** Tokens of others: who is trusted, for whom, and what they get. Asks nobody until a token comes. */
export function createTrust(options: TrustPartsOptions): TrustParts {
  const transports: Transport[] = [];
  const issuers = options.issuers.map((issuer) => {
    const { jwksUrl, caFile, proxy } = issuer;
    const origins = [...ownOrigins(issuer), ...(jwksUrl === undefined ? [] : [new URL(jwksUrl).origin])];
    const transport = createTransport({ caFile, proxy, origins });
    transports.push(transport);
    return trustedIssuer(issuer, transport, options);
  });
  const subjects = createSubjectTokens(issuers, options);
  const shared = { ...options, subjects, exchanged: createExchangedSessions(options) };
  return {
    exchange: createExchange(shared),
    bearer: createBearerTokens({
      ...shared,
      hasIssuers: issuers.length > 0,
      takesOpaque: options.issuers.some(({ validation }) => validation !== 'jwks'),
    }),
    async close() {
      for (const transport of transports) await transport.close();
    },
  };
}

function trustedIssuer(
  issuer: TrustOptions,
  transport: Transport,
  { clock, log }: Pick<TrustPartsOptions, 'clock' | 'log'>,
): TrustedIssuer {
  const endpoints = createEndpoints(issuer, { transport, clock });
  if (issuer.validation !== 'jwks')
    return { options: issuer, ...createOnlineValidator(issuer, { endpoints, transport, clock }) };
  const read = async () => transport.readKeys(issuer.jwksUrl ?? (await endpoints.find('jwks_uri')));
  const keys = createKeySet({ issuer: issuer.alias, read, clock, log });
  return { options: issuer, ...createOfflineValidator(issuer, { keys, clock }) };
}
