import { isPendingId } from '../credentials/pending-logins.ts';
import type { StorageKind } from '../credentials/records.ts';
import type { LoginResult } from './login.ts';
import { pendingDocument } from './login-screen.ts';

/** What became of a login, for programs and for people. */
export function loginView(result: LoginResult): {
  readonly document: object;
  readonly lines: readonly string[];
} {
  const { account, connection, already, pending, storage } = result;
  const { name, address } = connection;
  if (pending !== undefined) {
    const rest = { ...pendingDocument(pending.login), connection: name, address };
    const lines = [`The login to ${address} waits. Go on with: fedctl login --resume ${pending.id}`];
    return { document: { success: true, pending: true, resume: pending.id, ...rest }, lines };
  }
  const where = account === '' ? address : `${address} as ${account}`;
  const line = already ? `You are logged in to ${where} already.${standingTail(result)}` : `Logged in to ${where}.`;
  const shown = account === '' ? null : account;
  const document = { success: true, account: shown, connection: name, address, already, storage };
  return { document, lines: [line] };
}

const KEPT: Readonly<Record<StorageKind, string>> = {
  file: 'in a private file',
  encrypted: 'in an encrypted file',
  keyring: 'in the keyring',
  none: 'on no disk',
};

/** What was done about a login that stands, else what would have been. */
function standingTail({ connection, storage, moved = false, switched = false }: LoginResult): string {
  if (!moved && !switched) return ' --force logs in anew.';
  const use = switched ? ` "${connection.name}" uses this login now.` : '';
  return moved ? `${use} The login is kept ${KEPT[storage]} now.` : use;
}

/** `--resume` may stand alone: the newest login is meant then. */
export function completeResume(argv: readonly string[]): string[] {
  const at = argv.indexOf('--resume');
  const end = argv.indexOf('--');
  if (at < 0 || (end >= 0 && end < at) || isPendingId(argv[at + 1] ?? '')) return [...argv];
  return [...argv.slice(0, at + 1), 'latest', ...argv.slice(at + 1)];
}
