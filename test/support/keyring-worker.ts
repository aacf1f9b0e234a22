/**
 * One process with the keyring of its own D-Bus session, started by Node itself: `node keyring-worker.ts STEPS PATH`.
 * Prints what became of each of STEPS (comma-separated), or the reason of its failure, as one JSON list.
 */

import { openCredentials } from '../../src/credentials/credential-file.ts';
import { hasKeyring, osKeyring } from '../../src/credentials/keyring.ts';
import { sourcesWith, tokensOf } from './logins.ts';

const [steps = '', path = ''] = process.argv.slice(2);

/** As a process of its own would open it: no key is known yet. */
const file = (storage?: 'keyring') =>
  openCredentials({
    path,
    origin: 'host:9093',
    caPin: 'system',
    keys: sourcesWith({ keyring: osKeyring }),
    ...(storage && { storage: { kind: storage, isChosen: true } }),
  });

const STEPS: Readonly<Record<string, () => Promise<unknown>>> = {
  has: () => hasKeyring(),
  write: async () => (await file('keyring').write(tokensOf('a'))).storage,
  read: async () => (await file().read())?.refreshToken.reveal() ?? 'none',
  renew: async () => {
    const { warning } = await file().renew({ usable: () => false, renew: async () => tokensOf('b') });
    return warning === undefined;
  },
  remove: () => file().remove(),
};

const done: unknown[] = [];
for (const step of steps.split(',')) {
  done.push(await (STEPS[step] ?? STEPS.has)?.().catch((error: unknown) => (error as { reason?: string }).reason));
}
process.stdout.write(JSON.stringify(done));
