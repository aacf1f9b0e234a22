import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { JWK } from 'oidc-provider';

export interface DevAccount {
  readonly name: string;
  readonly password: string;
}

/** What the dev identity provider must remember between starts. */
export interface IdpSecrets {
  readonly accounts: readonly DevAccount[];
  readonly clientSecret: string;
  readonly cookieKey: string;
  readonly keys: readonly JWK[];
}

export const DEV_ACCOUNTS = ['alice', 'bob', 'carol', 'admin'] as const;

/** The secrets of one state folder (mode 0600), made at the first call. */
export function loadIdpSecrets(file: string): IdpSecrets {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as IdpSecrets;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const secrets = makeSecrets();
  writeFileSync(`${file}.new`, JSON.stringify(secrets), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return secrets;
}

function makeSecrets(): IdpSecrets {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  return {
    accounts: DEV_ACCOUNTS.map((name) => ({ name, password: `${name}-${randomBytes(6).toString('base64url')}` })),
    clientSecret: randomBytes(32).toString('base64url'),
    cookieKey: randomBytes(32).toString('base64url'),
    keys: [{ ...rsa, kid: 'dev', alg: 'RS256', use: 'sig' } as JWK],
  };
}
