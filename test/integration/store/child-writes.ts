/** A process that writes runs and says so after each, until it is killed. argv: database file. */
import { randomUUID } from 'node:crypto';
import { silentLogger } from '../../../src/core/log.ts';
import { openStore } from '../../../src/server/store/index.ts';
import { makeAudit, makeRun } from '../../support/store-rows.ts';

const store = await openStore({ kind: 'sqlite', path: process.argv[2] ?? '', log: silentLogger });
for (;;) {
  const key = randomUUID();
  await store.insertRun(makeRun({ key }), makeAudit({ requestId: key }));
  await store.appendLog(key, 0, { text: key, engineTimestamp: 1 });
  process.stdout.write(`${key}\n`);
}
