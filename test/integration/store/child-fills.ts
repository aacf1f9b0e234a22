/**
 * A process that writes until it is refused, large things first, then reads everything back; prints one JSON document.
 * argv: database file. Its parent limits what it may write.
 */
import { randomBytes } from 'node:crypto';
import { isAppError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { openStore } from '../../../src/server/store/index.ts';
import { makeAudit, makeRun } from '../../support/store-rows.ts';

const ENOUGH = 5000;

/** Repeats `write` until it fails: what was acknowledged, and the refusal. */
async function fill(write: () => Promise<string>): Promise<{ kept: string[]; refusal: string }> {
  const kept: string[] = [];
  try {
    while (kept.length < ENOUGH) kept.push(await write());
    return { kept, refusal: 'none' };
  } catch (error) {
    return { kept, refusal: isAppError(error) ? `${error.code} ${error.reason}` : String(error) };
  }
}

const store = await openStore({ kind: 'sqlite', path: process.argv[2] ?? '', log: silentLogger });
const bundles = await fill(async () => {
  const name = randomBytes(32).toString('hex');
  await store.putBundle(name, randomBytes(100_000), 1);
  return name;
});
const runs = await fill(async () => {
  const run = makeRun();
  await store.insertRun(run, makeAudit({ requestId: run.key }));
  return run.key;
});
const sizes = await Promise.all(bundles.kept.map(async (name) => (await store.bundle(name))?.length));
const rows = await Promise.all(runs.kept.map((key) => store.runByKey(key)));
const readable = sizes.every((size) => size === 100_000) && rows.every((row) => row !== undefined);
process.stdout.write(JSON.stringify({ bundles, runs, readable, version: await store.meta('marker') }));
await store.close();
