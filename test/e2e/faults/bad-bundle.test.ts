import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, connect } from '../../../src/client/index.ts';
import { uploadRun } from '../../../src/client/uploads.ts';
import type { ControlPlane } from '../../support/control-plane.ts';
import { readRows } from '../../support/invariants.ts';
import { type Person, TICKER } from '../../support/people.ts';
import { buildBundle, buildZip, fixtureBundle } from '../../support/zip.ts';
import { type Stage, setStage } from './stage.ts';

const MiB = 1024 * 1024;
let stage: Stage;
let plane: ControlPlane;
let alice: Person;
let client: Client;

beforeAll(async () => {
  stage = await setStage();
  plane = await stage.serve();
  alice = stage.people.person('alice');
  await alice.login();
  const rootCertificates = readFileSync(stage.facts.ca);
  client = connect({ address: stage.facts.address, insecure: false, rootCertificates }, { userAgent: 'test' });
}, 60_000);
afterAll(async () => {
  client?.close();
  await stage?.close();
}, 30_000);

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Sends a bundle as `fedctl run` does, without its bundler, which would not make it. */
function send(bundle: Buffer, { hash = sha256(bundle), size = bundle.length } = {}) {
  const header = {
    requestId: `bad-${sha256(bundle).slice(0, 20)}`,
    federation: '',
    runConfig: {},
    federationConfig: {},
    bundleSize: BigInt(size),
    bundleSha256: hash,
  };
  return uploadRun(client, alice.tokens().access, { header, bundle, onProgress: () => {} });
}

/** The app with one more entry. */
const withEntry = (name: string, data: Buffer | string = 'x = 1') =>
  buildZip([
    { name: 'pyproject.toml', data: readFileSync(`${TICKER}/pyproject.toml`) },
    { name, data, deflate: true },
  ]);

describe('a client that goes past our bundler: INVALID_ARGUMENT with the reason, and no row', () => {
  const CASES: readonly (readonly [string, () => Promise<unknown>, string])[] = [
    ['no zip at all', () => send(Buffer.from('no zip')), 'BUNDLE_NOT_A_ZIP'],
    ['nothing', () => send(Buffer.alloc(0)), 'BUNDLE_NOT_A_ZIP'],
    ['T-23: zip slip', () => send(withEntry('../../evil.py')), 'BUNDLE_ENTRY_UNSAFE'],
    ['T-23: an absolute path', () => send(withEntry('/etc/evil.py')), 'BUNDLE_ENTRY_UNSAFE'],
    ['T-24: zip bomb', () => send(withEntry('zeros.py', Buffer.alloc(90 * MiB))), 'BUNDLE_BOMB'],
    ['T-17: a credential file', () => send(withEntry('.flwr/.credentials/lab.json')), 'BUNDLE_ENTRY_FORBIDDEN'],
    ['no pyproject.toml', () => send(buildBundle({ 'ticker/server_app.py': '' })), 'BUNDLE_PROJECT_INVALID'],
    ['more than 10 MiB', () => send(Buffer.alloc(11 * MiB)), 'BUNDLE_TOO_LARGE'],
    ['another hash', () => send(fixtureBundle(TICKER), { hash: 'a'.repeat(64) }), 'BUNDLE_HASH_MISMATCH'],
    ['another size', () => send(fixtureBundle(TICKER), { size: 7 }), 'BUNDLE_INCOMPLETE'],
  ];

  test.each(CASES)('%s', async (_name, attempt, reason) => {
    const message = expect.stringMatching(/^[A-Z].*\.$/);
    await expect(attempt()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason,
      message,
      hint: expect.any(String),
    });
    expect(readRows(stage.database)).toEqual([]);
  });

  test('T-31: more than any submission may have is cut off', async () => {
    await expect(send(Buffer.alloc(40 * MiB))).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  });

  test('the server serves on, and its log holds no stack of a surprise', async () => {
    expect(await alice.fedctl('ls')).toMatchObject({ code: 0, stdout: 'No runs.\n' });
    expect(plane.log()).not.toContain('nobody foresaw');
  });
});
