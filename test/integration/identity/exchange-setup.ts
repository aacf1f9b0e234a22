import type { ExchangeRequest } from '../../../src/core/services.ts';
import { TOKEN_TYPES } from '../../../src/core/services.ts';
import type { TrustOptions, TrustRule } from '../../../src/server/identity/index.ts';
import type { EvilIdp } from '../../support/evil-idp.ts';
import { startEvilIdp } from '../../support/evil-idp.ts';
import { type Bench, evilIssuer, ISSUER as OURS, openBench } from './setup.ts';

export const OTHER_SERVICE = 'https://data.example.test';

/** A job of a CI system, as its token tells it. */
export const JOB = { repository_id: '4711', ref: 'refs/heads/main', preferred_username: 'ci' };

export const rule = (change: Partial<TrustRule> = {}): TrustRule => ({
  trust: 'ci',
  claims: { repository_id: '4711', ref: 'refs/heads/main' },
  serviceAccount: 'trainer',
  person: undefined,
  personClaim: 'sub',
  scopes: undefined,
  oneTime: false,
  maxLifeMs: 900_000,
  ...change,
});

export const trusting = (issuer: string, change: Partial<TrustOptions> = {}): TrustOptions => ({
  alias: 'ci',
  issuer,
  audience: [OURS],
  validation: 'jwks',
  algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
  tokenType: 'any',
  allowInsecure: true,
  usernameClaim: 'preferred_username',
  loginClients: ['fedctl-test'],
  isLoginIssuer: false,
  ...change,
});

export const request = (subjectToken: string, change: Partial<ExchangeRequest> = {}): ExchangeRequest => ({
  subjectToken,
  subjectTokenType: TOKEN_TYPES.jwt,
  actorToken: '',
  actorTokenType: '',
  requestedTokenType: '',
  audience: [],
  resource: [],
  scopes: [],
  client: 'fedctl test',
  host: 'runner-1',
  ...change,
});

export interface ExchangeBench extends Bench {
  /** Where people log in. */
  readonly idp: EvilIdp;
  /** Whose tokens are exchanged. */
  readonly ci: EvilIdp;
  /** A token of a job, with other claims; its signature is good. */
  token(claims?: Record<string, unknown>, header?: Record<string, unknown>): string;
}

export interface Issuers {
  readonly idp: EvilIdp;
  readonly ci: EvilIdp;
  stop(): Promise<void>;
}

export async function startIssuers(): Promise<Issuers> {
  const [idp, ci] = [await startEvilIdp(), await startEvilIdp()];
  return {
    idp,
    ci,
    async stop() {
      await idp.stop();
      await ci.stop();
    },
  };
}

/** Identity with a provider for logins and a trusted issuer beside it: those given, which are left running, or its own. */
export async function openExchange({
  issuers: given,
  trust = {},
  rules = () => [rule()],
}: {
  issuers?: Issuers;
  trust?: Partial<TrustOptions>;
  rules?: (idp: EvilIdp) => readonly TrustRule[];
} = {}): Promise<ExchangeBench> {
  const { idp, ci, stop } = given ?? (await startIssuers());
  const trusted = { issuers: [trusting(ci.issuer, trust)], rules: rules(idp) };
  const bench = await openBench(evilIssuer(idp), { trust: trusted, audiences: [OTHER_SERVICE] });
  const replicas: Bench[] = [];
  let count = 0;
  return {
    ...bench,
    async replica(change) {
      const replica = await bench.replica(change);
      replicas.push(replica);
      return replica;
    },
    idp,
    ci,
    token(claims = {}, header = {}) {
      count += 1;
      const now = Math.floor(bench.clock.now() / 1000);
      const times = { iat: now, exp: now + 300, jti: `job-${count}` };
      return ci.idToken({ aud: OURS, sub: `job:${JOB.ref}`, ...JOB, ...times, ...claims }, header);
    },
    async cleanup() {
      for (const replica of replicas) await replica.cleanup();
      await bench.cleanup();
      if (!given) await stop();
    },
  };
}

export const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
