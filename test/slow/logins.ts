import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Secret } from '../../src/core/secret.ts';
import { openKeyAgent } from '../../src/credentials/agent-client.ts';
import { openCredentials } from '../../src/credentials/credential-file.ts';
import { caPin, type StorageKind } from '../../src/credentials/records.ts';
import type { CredentialFile } from '../../src/credentials/types.ts';
import type { StackFacts } from '../../src/dev/stack.ts';
import { CONNECTION } from '../support/people.ts';

export const PASSPHRASE = 'correct horse battery';

export interface LoginOptions {
  readonly home: string;
  readonly facts: Pick<StackFacts, 'address' | 'ca'>;
  /** Socket of the agent. */
  readonly agent?: string | undefined;
  readonly storage?: StorageKind;
}

export const credentialPath = (home: string) => join(home, '.credentials', `${CONNECTION}.json`);

/** The stored login in a home, as the CLI opens it. */
export function loginIn({ home, facts, agent, storage }: LoginOptions): CredentialFile {
  const known = new Map();
  const held = agent === undefined ? undefined : openKeyAgent(agent);
  return openCredentials({
    path: credentialPath(home),
    origin: facts.address,
    caPin: caPin(readFileSync(facts.ca)),
    ...(storage && { storage: { kind: storage, isChosen: true } }),
    keys: async () => ({
      agent: async () => held,
      keyring: async () => {
        throw new Error('there is no keyring');
      },
      passphrase: async () => new Secret(PASSPHRASE),
      known,
    }),
  });
}

/** Keeps the login of a home in another way from now on. */
export async function keepIn(storage: StorageKind, options: LoginOptions): Promise<void> {
  const login = await loginIn(options).read();
  if (login === undefined) throw new Error(`nobody is logged in in ${options.home}`);
  const { accessToken, refreshToken, sessionId, account, expiresInMs } = login;
  const expiresIn = Math.floor(expiresInMs / 1000);
  await loginIn({ ...options, storage }).write({ accessToken, refreshToken, sessionId, account, expiresIn });
}

/** Its access token counts as expired on this machine: the next command renews it. */
export async function expire(options: LoginOptions): Promise<void> {
  await loginIn(options).withLock(async (locked) => {
    const login = await locked.read();
    if (login === undefined) throw new Error(`the login in ${options.home} is lost`);
    const { accessToken, refreshToken, sessionId, account } = login;
    await locked.write({ accessToken, refreshToken, sessionId, account, expiresIn: 0 });
  });
}

/** How often the identity provider has given a refresh token: once for each login, once for each renewal. */
export function providerGrants(database: string): number {
  const rows = new DatabaseSync(database, { readOnly: true, timeout: 5_000 });
  try {
    return Number(rows.prepare("select count(*) as n from entry where model = 'RefreshToken'").get()?.n);
  } finally {
    rows.close();
  }
}

/** Copies of a home, as if a person had taken the login to that many machines. */
export function copyHomes(home: string, folder: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    const copy = join(folder, `machine-${index}`);
    cpSync(home, copy, { recursive: true });
    return copy;
  });
}
