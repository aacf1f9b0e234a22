import type { Kysely } from 'kysely';
import type { Schema } from './schema.ts';

/** Words of SQL that differ between databases. */
export interface ColumnTypes {
  readonly bytes: string;
  /** A primary key that grows with each row. */
  readonly sequence: string;
}

/** What each kind of database provides. */
export interface Databases {
  /** For queries. Sees everything that `writer` has committed. */
  readonly reader: Kysely<Schema>;
  /** For changes: durable when they resolve; a transaction sees no other writer. */
  readonly writer: Kysely<Schema>;
  readonly types: ColumnTypes;
  close(): Promise<void>;
}
