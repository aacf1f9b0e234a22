import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';

/** oidc-provider's storage in one SQLite file, so that logins at the dev identity provider outlive a restart. */
export interface IdpStore {
  readonly adapter: AdapterFactory;
  close(): void;
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS entry (
    model TEXT NOT NULL,
    id TEXT NOT NULL,
    payload TEXT NOT NULL,
    expires_at INTEGER,
    grant_id TEXT,
    user_code TEXT,
    uid TEXT,
    PRIMARY KEY (model, id)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS entry_grant ON entry (grant_id);
  CREATE INDEX IF NOT EXISTS entry_user_code ON entry (user_code);
  CREATE INDEX IF NOT EXISTS entry_uid ON entry (uid);
`;

/** Opens (or makes) the store in `file`; `now` in milliseconds since the epoch. */
export function openIdpStore(options: { file: string; now: () => number }): IdpStore {
  // SQLite gives its side files the mode of the main one.
  closeSync(openSync(options.file, 'a', 0o600));
  const database = new DatabaseSync(options.file);
  database.exec(SCHEMA);
  database.prepare('DELETE FROM entry WHERE expires_at < ?').run(seconds(options.now));
  return {
    adapter: (model) => makeAdapter(database, model, options.now),
    close: () => database.close(),
  };
}

function makeAdapter(database: DatabaseSync, model: string, now: () => number): Adapter {
  const find = (column: 'id' | 'user_code' | 'uid', value: string): AdapterPayload | undefined => {
    const row = database
      .prepare(
        `SELECT payload FROM entry WHERE model = ? AND ${column} = ? AND (expires_at IS NULL OR expires_at >= ?)`,
      )
      .get(model, value, seconds(now));
    return row === undefined ? undefined : (JSON.parse(String(row.payload)) as AdapterPayload);
  };
  return {
    async upsert(id, payload, expiresIn) {
      database
        .prepare('INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)')
        .run(
          model,
          id,
          JSON.stringify(payload),
          expiresIn ? seconds(now) + expiresIn : null,
          payload.grantId ?? null,
          payload.userCode ?? null,
          payload.uid ?? null,
        );
    },
    find: async (id) => find('id', id),
    findByUserCode: async (userCode) => find('user_code', userCode),
    findByUid: async (uid) => find('uid', uid),
    async consume(id) {
      database
        .prepare("UPDATE entry SET payload = json_set(payload, '$.consumed', ?) WHERE model = ? AND id = ?")
        .run(seconds(now), model, id);
    },
    async destroy(id) {
      database.prepare('DELETE FROM entry WHERE model = ? AND id = ?').run(model, id);
    },
    async revokeByGrantId(grantId) {
      database.prepare('DELETE FROM entry WHERE model = ? AND grant_id = ?').run(model, grantId);
    },
  };
}

function seconds(now: () => number): number {
  return Math.floor(now() / 1000);
}
