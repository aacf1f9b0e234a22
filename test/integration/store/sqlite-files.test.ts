import { chmodSync, existsSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/core/log.ts';
import { openStore } from '../../../src/server/store/index.ts';
import { MIGRATIONS } from '../../../src/server/store/migrations.ts';

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe('the file of a SQLite store', () => {
  let folder: string;
  let path: string;
  const open = () => openStore({ kind: 'sqlite', path, log: silentLogger });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fedctl-store-'));
    path = join(folder, 'fedctl.db');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('is private, with its companions, whatever the umask', async () => {
    const umask = process.umask(0);
    try {
      const store = await open();
      await store.setMeta('a', 'b');
      for (const file of [path, `${path}-wal`, `${path}-shm`]) expect([file, modeOf(file)]).toEqual([file, '600']);
      await store.close();
    } finally {
      process.umask(umask);
    }
  });

  test('is made private where it was not', async () => {
    await (await open()).close();
    chmodSync(path, 0o644);
    const store = await open();
    expect(modeOf(path)).toBe('600');
    await store.close();
  });

  test('holds everything once the store is closed; closing twice is fine, using it later is refused', async () => {
    const store = await open();
    await store.setMeta('a', 'b');
    await Promise.all([store.close(), store.close()]);
    expect(existsSync(`${path}-wal`)).toBe(false);
    const refused = { code: 'UNAVAILABLE', reason: 'STORE_UNAVAILABLE' };
    await expect(store.meta('a')).rejects.toMatchObject(refused);
    await expect(store.setMeta('a', 'c')).rejects.toMatchObject(refused);
    await expect(store.probe()).rejects.toMatchObject(refused);
    const again = await open();
    expect(await again.meta('a')).toBe('b');
    await again.close();
  });

  test('is durable as promised: WAL, and a schema of the newest version', async () => {
    await (await open()).close();
    const db = new DatabaseSync(path, { readOnly: true });
    expect(db.prepare('pragma journal_mode').get()).toMatchObject({ journal_mode: 'wal' });
    expect(db.prepare('select max(version) version from schema_version').get()).toMatchObject({
      version: MIGRATIONS.length,
    });
    db.close();
  });

  test('is refused, untouched, when a newer program wrote it', async () => {
    await (await open()).close();
    const db = new DatabaseSync(path);
    db.prepare('insert into schema_version values (?, ?, ?)').run(MIGRATIONS.length + 1, 'future', 1);
    db.close();
    await expect(open()).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'STORE_TOO_NEW',
      message: `The database has schema version ${MIGRATIONS.length + 1}, this program knows versions up to ${MIGRATIONS.length}.`,
    });
  });

  test('is refused when it is no database, or in no folder', async () => {
    const refused = { code: 'UNAVAILABLE', reason: 'STORE_UNAVAILABLE' };
    await writeFile(path, 'this is no database, however long it may be. '.repeat(100));
    await expect(open()).rejects.toMatchObject(refused);
    path = join(folder, 'missing', 'fedctl.db');
    await expect(open()).rejects.toMatchObject(refused);
  });

  test('is made once by servers that start at the same time', async () => {
    const stores = await Promise.all(Array.from({ length: 5 }, open));
    const values = await Promise.all(stores.map((store, index) => store.initMeta('first', `${index}`)));
    expect(new Set(values).size).toBe(1);
    await Promise.all(stores.map((store) => store.close()));
  });
});
