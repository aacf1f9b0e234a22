import { type Kysely, sql, type Transaction } from 'kysely';
import { isFinal, type LogChunk, type LogPosition, type LogStore, RUN_STATUSES } from '../../core/runs.ts';
import type { Databases } from './databases.ts';
import type { Schema } from './schema.ts';

const FINAL = RUN_STATUSES.filter(isFinal);
/** Logs deleted with one transaction: the write lock is not held for long. */
const SWEPT_AT_ONCE = 20;
/** An engine may send a whole log as one text; a reader holds a chunk as a whole, so it is stored as several. In bytes. */
const MAX_CHUNK = 64 * 1024;
/** Chunks looked at with one query. */
const PAGE = 4096;

type Piece = Parameters<LogStore['appendLog']>[2];

async function append(trx: Transaction<Schema>, runKey: string, expectedSize: number, piece: Piece): Promise<boolean> {
  const content = Buffer.from(piece.text);
  await trx
    .insertInto('run_log')
    .values({ run_key: runKey, size: 0, engine_timestamp: 0, drained: 0, cut: 0 })
    .onConflict((conflict) => conflict.column('run_key').doNothing())
    .execute();
  const { numUpdatedRows } = await trx
    .updateTable('run_log')
    .set({
      size: expectedSize + content.length,
      engine_timestamp: piece.engineTimestamp,
      ...(piece.cut === undefined ? {} : { cut: Number(piece.cut) }),
    })
    .where('run_key', '=', runKey)
    .where('size', '=', expectedSize)
    .where('drained', '=', 0)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) return false;
  let start = expectedSize;
  for (const part of partsOf(content)) {
    const values = { run_key: runKey, start_byte: start, size: part.length, engine_timestamp: piece.engineTimestamp };
    await trx
      .insertInto('log_chunk')
      .values({ ...values, content: part })
      .execute();
    start += part.length;
  }
  return true;
}

/** Pieces of at most `MAX_CHUNK` bytes that end where a character of UTF-8 ends; copies, for a view takes its whole buffer along to the writing thread. */
function* partsOf(content: Buffer): Generator<Buffer> {
  for (let from = 0; from < content.length; ) {
    let to = Math.min(from + MAX_CHUNK, content.length);
    while (to < content.length && ((content[to] ?? 0) & 0xc0) === 0x80) to -= 1;
    yield Buffer.from(content.subarray(from, to));
    from = to;
  }
}

async function drain(trx: Transaction<Schema>, runKey: string): Promise<void> {
  await trx
    .insertInto('run_log')
    .values({ run_key: runKey, size: 0, engine_timestamp: 0, drained: 1, cut: 0 })
    .onConflict((conflict) => conflict.column('run_key').doUpdateSet({ drained: 1 }))
    .execute();
  await trx.updateTable('run').set({ is_open: 0 }).where('key', '=', runKey).where('status', 'in', FINAL).execute();
}

async function readPosition(reader: Kysely<Schema>, runKey: string): Promise<LogPosition> {
  const row = await reader.selectFrom('run_log').selectAll().where('run_key', '=', runKey).executeTakeFirst();
  return {
    size: row?.size ?? 0,
    engineTimestamp: row?.engine_timestamp ?? 0,
    drained: row?.drained === 1,
    cut: row?.cut === 1,
  };
}

/**
 * Start of the chunk that holds byte `offset`, and of the last one that still fits in `maxBytes`; and which of them are
 * not the end of what the engine sent as one text: the next one bears the same time.
 */
async function chunkRange(reader: Kysely<Schema>, runKey: string, offset: number, maxBytes: number) {
  const chunks = reader.selectFrom('log_chunk').where('run_key', '=', runKey);
  const first = await chunks
    .select((eb) => eb.fn.max('start_byte').as('start'))
    .where('start_byte', '<=', offset)
    .executeTakeFirst();
  const rows = await chunks
    .select(['start_byte', 'size', 'engine_timestamp'])
    .where('start_byte', '>=', first?.start ?? 0)
    .orderBy('start_byte')
    .limit(PAGE)
    .execute();
  const held = rows.filter((row) => row.start_byte + row.size > offset);
  const from = held[0]?.start_byte;
  if (from === undefined) return undefined;
  const fitting = held.filter((row) => row.start_byte + row.size - from <= maxBytes);
  const goesOn = held.filter((row, index) => held[index + 1]?.engine_timestamp === row.engine_timestamp);
  const unfinished = new Set(goesOn.map((row) => row.start_byte));
  return { from, to: fitting.at(-1)?.start_byte ?? from, unfinished };
}

/** The engine's time of the text before: where a reader of the parts of one text may resume without losing any. */
async function timeBefore(reader: Kysely<Schema>, runKey: string, timestamp: number): Promise<number> {
  const row = await reader
    .selectFrom('log_chunk')
    .select((eb) => eb.fn.max('engine_timestamp').as('time'))
    .where('run_key', '=', runKey)
    .where('engine_timestamp', '<', timestamp)
    .executeTakeFirst();
  return row?.time ?? 0;
}

async function deleteLogs(trx: Transaction<Schema>, before: number): Promise<number> {
  const rows = await trx
    .selectFrom('run_log')
    .innerJoin('run', 'run.key', 'run_log.run_key')
    .select('run_log.run_key')
    // Written out, so that the partial index is found.
    .where(sql<boolean>`run_log.size > 0`)
    .where('run.status', 'in', FINAL)
    .where((eb) => eb(eb.fn.coalesce('run.finished_at', 'run.created_at'), '<', before))
    .limit(SWEPT_AT_ONCE)
    .execute();
  const keys = rows.map((row) => row.run_key);
  if (keys.length === 0) return 0;
  await trx.deleteFrom('log_chunk').where('run_key', 'in', keys).execute();
  // The row stays, empty and drained: nobody fetches that log from the engine again.
  await trx.updateTable('run_log').set({ size: 0, drained: 1 }).where('run_key', 'in', keys).execute();
  await trx.updateTable('run').set({ is_open: 0 }).where('key', 'in', keys).execute();
  return keys.length;
}

/** A drained log takes no more text. Text is kept as UTF-8 bytes: it may hold any character, NUL too. */
export function createLogStore({ reader, writer }: Databases): LogStore {
  return {
    logPosition: (runKey) => readPosition(reader, runKey),

    appendLog: (runKey, expectedSize, chunk) =>
      writer.transaction().execute((trx) => append(trx, runKey, expectedSize, chunk)),

    markDrained: (runKey) => writer.transaction().execute((trx) => drain(trx, runKey)),

    async readLog(runKey, offset, maxBytes) {
      const range = await chunkRange(reader, runKey, offset, maxBytes);
      if (range === undefined) return [];
      const rows = await reader
        .selectFrom('log_chunk')
        .selectAll()
        .where('run_key', '=', runKey)
        .where('start_byte', '>=', range.from)
        .where('start_byte', '<=', range.to)
        .orderBy('start_byte')
        .execute();
      const chunks: LogChunk[] = [];
      for (const { start_byte: start, content, engine_timestamp: time } of rows) {
        const engineTimestamp = range.unfinished.has(start) ? await timeBefore(reader, runKey, time) : time;
        chunks.push({ offset: start, text: Buffer.from(content).toString('utf8'), engineTimestamp });
      }
      return chunks;
    },

    async offsetAfter(runKey, timestamp) {
      const row = await reader
        .selectFrom('log_chunk')
        .select((eb) => eb.fn.min('start_byte').as('start'))
        .where('run_key', '=', runKey)
        .where('engine_timestamp', '>', timestamp)
        .executeTakeFirst();
      // min() of nothing is null, whatever the type says.
      const start: number | null | undefined = row?.start;
      return start ?? (await readPosition(reader, runKey)).size;
    },

    async sweepLogs(before) {
      for (let swept = 0; ; ) {
        const count = await writer.transaction().execute((trx) => deleteLogs(trx, before));
        swept += count;
        if (count < SWEPT_AT_ONCE) return swept;
      }
    },
  };
}
