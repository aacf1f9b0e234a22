/**
 * One process of the credential tests, started by Node itself: `node worker.ts MODE PATH ARGUMENT`.
 * `renew`: renews where less than generation ARGUMENT stands, and appends a line to PATH.renewals for each renewal.
 * `write`: writes pair `new`, and kills itself before step number ARGUMENT; `write-encrypted`: sealed by a passphrase.
 * `switch`: makes the account "bob" the active one, and kills itself so.
 * `lock`: ARGUMENT times adds 1 to PATH.counter under the lock.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { Secret } from '../../../src/core/secret.ts';
import { switchAccount } from '../../../src/credentials/accounts.ts';
import { openCredentials } from '../../../src/credentials/credential-file.ts';
import type { CredentialOptions, NewTokens } from '../../../src/credentials/types.ts';
import { sourcesWith } from '../../support/logins.ts';

const [asked = '', path = '', argument = ''] = process.argv.slice(2);
const [mode, storage] = asked.split('-');
const limit = Number(argument);
process.umask(0);

function jwt(claims: object): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`;
}

function pair(mark: string, session: string): NewTokens {
  return {
    accessToken: new Secret(jwt({ iss: 'https://i', sid: session, mark })),
    refreshToken: new Secret(`refresh-${mark}`),
    expiresIn: 600,
    sessionId: session,
    account: 'alice',
  };
}

let step = 0;
const options: CredentialOptions = {
  path,
  origin: 'host:9093',
  caPin: 'system',
  keys: sourcesWith({ passphrase: async () => new Secret('correct') }),
  ...(storage === 'encrypted' && { storage: { kind: storage, isChosen: true } }),
  onStep: () => {
    step += 1;
    if ((mode === 'write' || mode === 'switch') && step === limit) process.kill(process.pid, 'SIGKILL');
  },
};
const file = openCredentials(options);

if (mode === 'renew') {
  const { credentials, warning } = await file.renew({
    usable: ({ generation }) => generation >= limit,
    renew: async ({ generation }) => {
      appendFileSync(`${path}.renewals`, `${generation + 1}\n`);
      await new Promise((resolve) => setTimeout(resolve, 100));
      return pair(`generation-${generation + 1}`, 's1');
    },
  });
  if (warning) throw warning;
  process.stdout.write(String(credentials.generation));
} else if (mode === 'write') {
  await file.write(pair('new', 's2'));
  process.stdout.write(`steps ${step}`);
} else if (mode === 'switch') {
  await switchAccount(options, 'bob');
  process.stdout.write(`steps ${step}`);
} else {
  for (let round = 0; round < limit; round += 1) {
    await file.withLock(async () => {
      const count = Number(readFileSync(`${path}.counter`, 'utf8'));
      await new Promise((resolve) => setImmediate(resolve));
      writeFileSync(`${path}.counter`, String(count + 1));
    });
  }
}
