import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import { silentLogger } from '../../../src/core/log.ts';
import { createKeySet } from '../../../src/server/identity/trust/key-set.ts';
import { createOfflineValidator } from '../../../src/server/identity/trust/offline.ts';
import { parseJwt } from '../../../src/server/identity/trust/strict-jwt.ts';
import type { TrustOptions } from '../../../src/server/identity/trust/types.ts';
import { AUDIENCE, fakeClock, reasonOf, START } from './fixtures.ts';

export const TRUSTED = 'https://ci.example.test';

export type Json = Record<string, unknown>;
export const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export const trustOptions = (change: Partial<TrustOptions> = {}): TrustOptions => ({
  alias: 'ci',
  issuer: TRUSTED,
  audience: [AUDIENCE],
  validation: 'jwks',
  algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
  tokenType: 'any',
  allowInsecure: false,
  usernameClaim: 'preferred_username',
  loginClients: ['login-client'],
  isLoginIssuer: false,
  ...change,
});

export const CLAIMS: Json = {
  iss: TRUSTED,
  aud: AUDIENCE,
  sub: 'repo:lab/train:ref:refs/heads/main',
  client_id: 'runner',
  jti: 'job-1',
  iat: START / 1000,
  exp: START / 1000 + 300,
};

export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const jwkOf = (key: KeyObject, more: Json): Json => ({ ...key.export({ format: 'jwk' }), use: 'sig', ...more });

export function signed(head: unknown, body: unknown, key: KeyObject = rsa.privateKey): string {
  const input = `${part(head)}.${part(body)}`;
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
}

export function hmac(head: unknown, body: unknown, secret: string | Buffer): string {
  const input = `${part(head)}.${part(body)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

/** One trusted issuer whose keys a test sets, and a clock that it moves. */
export function trustBench(change: Partial<TrustOptions> = {}) {
  const clock = fakeClock();
  let reads = 0;
  let answer: () => Promise<JSONWebKeySet> = async () => set(jwkOf(rsa.publicKey, { kid: 'k1', alg: 'RS256' }));
  const read = () => {
    reads += 1;
    return answer();
  };
  const set = (...keys: Json[]) => ({ keys }) as unknown as JSONWebKeySet;
  const keys = createKeySet({ issuer: 'ci', read, clock, log: silentLogger });
  const validator = createOfflineValidator(trustOptions(change), { keys, clock });
  const validate = (token: string) => validator.validate(token, parseJwt(token));
  return {
    clock,
    keys,
    validate,
    refusal: (token: string) => reasonOf(() => validate(token)),
    reads: () => reads,
    publish: (...published: Json[]) => {
      answer = async () => set(...published);
    },
    fail: () => {
      answer = () => Promise.reject(new Error('down'));
    },
  };
}
