import type { AccountInfo, GrantInfo } from '../gen/fedctl/v1/access.ts';
import { type Column, tableLines } from './table.ts';
import { safeLine } from './text.ts';

export function grantDocument(grant: GrantInfo) {
  return {
    who: safeLine(grant.who),
    principal: safeLine(grant.principal),
    role: safeLine(grant.role),
    object: safeLine(grant.object),
    until: grant.until === '' ? null : safeLine(grant.until),
    tuple: safeLine(grant.tuple),
  };
}

/** "bob is viewer of run:17 until 2026-12-01T18:00:00Z" */
export function grantSentence(grant: GrantInfo): string {
  const end = grant.until === '' ? '' : ` until ${grant.until}`;
  return safeLine(`${grant.who} is ${grant.role} of ${grant.object}${end}`);
}

const GRANT_COLUMNS: readonly Column[] = [
  { title: 'WHO', shrinks: true },
  { title: 'ROLE' },
  { title: 'OBJECT', shrinks: true },
  { title: 'UNTIL', drop: 1 },
];

export async function grantTable(grants: readonly GrantInfo[], layout: { width: number; unicode: boolean }) {
  const rows = grants.map((grant) => [grant.who, grant.role, grant.object, grant.until || 'no end']);
  return await tableLines(GRANT_COLUMNS, rows, layout);
}

export function accountDocument(account: AccountInfo) {
  return {
    account: safeLine(account.account),
    principal: safeLine(account.principal),
    issuer: safeLine(account.issuer),
    subject: safeLine(account.subject),
    email: safeLine(account.email),
    'display-name': safeLine(account.displayName),
    'last-login-at': account.lastLoginAt === '' ? null : safeLine(account.lastLoginAt),
  };
}

const ACCOUNT_COLUMNS: readonly Column[] = [
  { title: 'ACCOUNT' },
  { title: 'PRINCIPAL', shrinks: true },
  { title: 'E-MAIL', shrinks: true, drop: 1 },
  { title: 'NAME', shrinks: true, drop: 2 },
  { title: 'LAST LOGIN', drop: 3 },
];

export async function accountTable(accounts: readonly AccountInfo[], layout: { width: number; unicode: boolean }) {
  const rows = accounts.map((one) => [
    one.account,
    one.principal,
    one.email,
    one.displayName,
    one.lastLoginAt || 'never',
  ]);
  return await tableLines(ACCOUNT_COLUMNS, rows, layout);
}
