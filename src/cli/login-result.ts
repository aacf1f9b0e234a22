import { isPendingId } from '../credentials/pending-logins.ts';
import type { LoginResult } from './login.ts';
import { pendingDocument } from './login-screen.ts';

/** What became of a login, for programs and for people. */
export function loginView({ account, connection, already, pending }: LoginResult): {
  readonly document: object;
  readonly lines: readonly string[];
} {
  const { name, address } = connection;
  if (pending !== undefined) {
    const rest = { ...pendingDocument(pending.login), connection: name, address };
    const lines = [`The login to ${address} waits. Go on with: fedctl login --resume ${pending.id}`];
    return { document: { success: true, pending: true, resume: pending.id, ...rest }, lines };
  }
  const where = account === '' ? address : `${address} as ${account}`;
  const line = already ? `You are logged in to ${where} already. --force logs in anew.` : `Logged in to ${where}.`;
  const document = { success: true, account: account === '' ? null : account, connection: name, address, already };
  return { document, lines: [line] };
}

/** `--resume` may stand alone: the newest login is meant then. */
export function completeResume(argv: readonly string[]): string[] {
  const at = argv.indexOf('--resume');
  const end = argv.indexOf('--');
  if (at < 0 || (end >= 0 && end < at) || isPendingId(argv[at + 1] ?? '')) return [...argv];
  return [...argv.slice(0, at + 1), 'latest', ...argv.slice(at + 1)];
}
