import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import { openStore, type Store } from '../../src/server/store/index.ts';

export interface TempStore {
  readonly store: Store;
  /** The database file. */
  readonly path: string;
  /** Closes the store and deletes its folder. */
  cleanup(): Promise<void>;
}

/** A real SQLite store in a folder of its own. */
export async function openTempStore(options: { clock?: Clock; busyTimeoutMs?: number } = {}): Promise<TempStore> {
  const folder = await mkdtemp(join(tmpdir(), 'fedctl-store-'));
  const path = join(folder, 'fedctl.db');
  const store = await openStore({ kind: 'sqlite', path, log: silentLogger, ...options });
  return {
    store,
    path,
    async cleanup() {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
