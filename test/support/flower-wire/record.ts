// Records what real releases of flwr send and are answered: node test/support/flower-wire/record.ts 1.18.0 1.22.0 ...
// Writes test/fixtures/flower-wire/RELEASE.json and prints what each command printed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { flowerControl, flowerExec } from '../../../src/server/rpc/wire/flower-control.ts';
import { selfSigned } from '../certificates.ts';
import { openFlwrClient } from './clients.ts';
import { openFlowerStage } from './stage.ts';

const FIXTURES = resolve(import.meta.dirname, '../../fixtures/flower-wire');

const folder = mkdtempSync(join(tmpdir(), 'fedctl-record-'));
const pair = await selfSigned();
const ca = join(folder, 'ca.pem');
const key = join(folder, 'key');
writeFileSync(ca, pair.cert);
execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-b', '384', '-N', '', '-C', '', '-f', key]);
const stage = await openFlowerStage([flowerControl, flowerExec], pair);
mkdirSync(FIXTURES, { recursive: true });
try {
  for (const release of process.argv.slice(2)) await record(release);
} finally {
  stage.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function record(release: string): Promise<void> {
  const client = openFlwrClient({
    release,
    folder: join(folder, release),
    port: stage.port,
    ca,
    publicKey: `${key}.pub`,
  });
  const calls = [];
  for (const args of client.commands) {
    const { code, stdout, stderr } = await client.run(args);
    const taken = stage.take();
    calls.push(...taken);
    process.stdout.write(
      `\n$ flwr ${args.join(' ')}   # ${release}, exit code ${code}, ${taken.map(({ path }) => path).join(' ')}\n`,
    );
    process.stdout.write(`${(stdout + stderr).trim()}\n`);
  }
  writeFileSync(join(FIXTURES, `${release}.json`), `${JSON.stringify(calls, undefined, 1)}\n`);
}
