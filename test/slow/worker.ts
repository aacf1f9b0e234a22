/**
 * One of many processes that use one login at the same time: the compiled credential, session and gRPC code of the CLI. For
 * each message it opens the stored login anew, asks the server who it is, and answers how that went.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type * as client from '../../src/client/index.ts';
import type * as agentClient from '../../src/credentials/agent-client.ts';
import type * as credentialFile from '../../src/credentials/credential-file.ts';
import type * as records from '../../src/credentials/records.ts';
import type { RoundResult, RoundTask } from './crew.ts';

const dist = dirname(process.argv[2] ?? '');
const { connect, openSession, callUnary } = (await import(join(dist, 'client/index.js'))) as typeof client;
const { openCredentials } = (await import(join(dist, 'credentials/credential-file.js'))) as typeof credentialFile;
const { caPin } = (await import(join(dist, 'credentials/records.js'))) as typeof records;
const { openKeyAgent } = (await import(join(dist, 'credentials/agent-client.js'))) as typeof agentClient;

const clock = { now: () => Date.now(), monotonic: () => performance.now() };
const nobody = async (): Promise<never> => {
  throw new Error('only the agent has keys here');
};

async function work({ path, address, ca, agent }: RoundTask): Promise<RoundResult> {
  const rootCertificates = readFileSync(ca);
  const warnings: string[] = [];
  const warn = (sentence: string) => void warnings.push(sentence);
  const held = agent === undefined ? undefined : openKeyAgent(agent, warn);
  const known = new Map();
  const store = openCredentials({
    path,
    origin: address,
    caPin: caPin(rootCertificates),
    keys: async () => ({ agent: async () => held, keyring: nobody, passphrase: nobody, known }),
  });
  const remote = connect({ address, rootCertificates, insecure: false }, { userAgent: 'fedctl/slow' });
  try {
    const session = openSession({ client: remote, store, clock, warn });
    const method = remote.sessions.whoAmI.bind(remote.sessions);
    const { account } = await callUnary(remote, method, {}, { token: await session.token(), timeoutMs: 90_000 });
    return { account, warnings };
  } catch (error) {
    const { reason = '', message } = error as { reason?: string; message: string };
    return { account: `${reason} ${message}`, warnings };
  } finally {
    remote.close();
  }
}

process.on('message', (task: RoundTask) => {
  void work(task).then((result) => process.send?.(result));
});
process.send?.('ready');
