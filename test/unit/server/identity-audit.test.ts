import { expect, test } from '@jest/globals';
import type { AuditRow } from '../../../src/core/audit.ts';
import type { IdentityEvent } from '../../../src/server/identity/events.ts';
import { recordIdentityEvents } from '../../../src/server/identity-audit.ts';

async function rowOf(change: Partial<IdentityEvent>) {
  const rows: AuditRow[] = [];
  const counted: unknown[] = [];
  const record = async (row: AuditRow) => void rows.push(row);
  const metrics = { count: (...all: unknown[]) => void counted.push(all), observe() {}, set() {} };
  const nobody = { at: 7, sessionId: '', accountId: '', principal: '', address: '198.51.100.7' };
  await recordIdentityEvents(
    { record, recordGrouped: record },
    metrics,
  )({ kind: 'login-confirmed', ...nobody, ...change });
  return { row: rows[0], counted };
}

test('T-01: a confirmed login names both addresses in one row', async () => {
  const { row, counted } = await rowOf({ requester: '192.0.2.1' });
  expect(row).toMatchObject({ action: 'session.login-confirmed', address: '198.51.100.7', object: 'login:192.0.2.1' });
  expect(row).toMatchObject({ decision: 'allow', reason: '' });
  expect(counted).toEqual([]);
});

test.each([
  ['session-opened', 'allow', 0],
  ['login-approved', 'allow', 0],
  ['login-denied', 'deny', 0],
  ['refresh-token-late', 'deny', 0],
  ['ended-by-provider', 'deny', 1],
  ['refresh-token-replayed', 'deny', 1],
] as const)('%s is recorded as %s', async (kind, decision, ends) => {
  const { row, counted } = await rowOf({ kind });
  expect(row).toMatchObject({ action: `session.${kind}`, decision, object: '' });
  expect(row?.reason).toBe(decision === 'allow' ? '' : kind.toUpperCase().replaceAll('-', '_'));
  expect(counted).toHaveLength(ends);
});
