import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../src/core/log.ts';
import { openStore } from '../../../src/server/store/index.ts';
import { describeStore } from '../../support/store-suite.ts';

describeStore('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fedctl-store-'));
  return {
    open: ({ clock }) => openStore({ kind: 'sqlite', path: join(folder, 'fedctl.db'), log: silentLogger, clock }),
    drop: () => rm(folder, { recursive: true, force: true }),
  };
});
