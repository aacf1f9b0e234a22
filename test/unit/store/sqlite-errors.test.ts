import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { describeFailure, toAppError } from '../../../src/server/store/sqlite/errors.ts';

/** https://www.sqlite.org/rescode.html */
test.each([
  ['SQLITE_BUSY', 5, 'UNAVAILABLE', 'STORE_BUSY'],
  ['SQLITE_BUSY_RECOVERY', 261, 'UNAVAILABLE', 'STORE_BUSY'],
  ['SQLITE_BUSY_SNAPSHOT', 517, 'UNAVAILABLE', 'STORE_BUSY'],
  ['SQLITE_LOCKED', 6, 'UNAVAILABLE', 'STORE_BUSY'],
  ['SQLITE_READONLY_DBMOVED', 1032, 'UNAVAILABLE', 'STORE_UNAVAILABLE'],
  ['SQLITE_IOERR_FSYNC', 1034, 'UNAVAILABLE', 'STORE_UNAVAILABLE'],
  ['SQLITE_CORRUPT', 11, 'UNAVAILABLE', 'STORE_UNAVAILABLE'],
  ['SQLITE_FULL', 13, 'UNAVAILABLE', 'STORE_UNAVAILABLE'],
  ['SQLITE_CANTOPEN', 14, 'UNAVAILABLE', 'STORE_UNAVAILABLE'],
  ['SQLITE_NOTADB', 26, 'UNAVAILABLE', 'STORE_UNAVAILABLE'],
  ['SQLITE_CONSTRAINT_UNIQUE', 2067, 'ALREADY_EXISTS', 'STORE_CONFLICT'],
  ['SQLITE_CONSTRAINT_PRIMARYKEY', 1555, 'ALREADY_EXISTS', 'STORE_CONFLICT'],
  ['SQLITE_CONSTRAINT_NOTNULL', 1299, 'INTERNAL', 'STORE_FAILED'],
  ['SQLITE_ERROR', 1, 'INTERNAL', 'STORE_FAILED'],
])('%s (%i) is %s %s', (_name, errcode, code, reason) => {
  expect(toAppError({ errcode, message: 'private' })).toMatchObject({ code, reason });
});

test('T-05: neither the public text nor the cause holds a value', () => {
  const db = new DatabaseSync(':memory:');
  db.exec('create table t (a text unique)');
  const insert = db.prepare('insert into t values (?)');
  insert.run('the-secret');
  try {
    insert.run('the-secret');
    throw new Error('the second insert was taken');
  } catch (error) {
    const { message, cause } = toAppError(describeFailure(error));
    expect(`${message} ${cause}`).toContain('UNIQUE constraint failed: t.a');
    expect(`${message} ${cause}`).not.toContain('the-secret');
  }
});
