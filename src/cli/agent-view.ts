import { basename } from 'node:path';
import type { AgentAnswer, ListedEntry } from '../credentials/agent-protocol.ts';
import { roughTime } from './duration.ts';
import { tableLines } from './table.ts';
import { safeLine } from './text.ts';

const KINDS = { key: 'key', login: 'login' } as const;

function timeLeft({ leftMs }: ListedEntry): string {
  return leftMs === undefined ? 'the agent ends' : `in ${roughTime(leftMs / 1000)}`;
}

/** What an agent holds, for a terminal; never a secret. */
export async function agentLines(
  { locked = false, entries = [] }: AgentAnswer,
  style: { width: number; unicode: boolean },
): Promise<readonly string[]> {
  if (locked) return ['The agent is locked. To open it: fedctl agent unlock'];
  if (entries.length === 0) return ['The agent holds nothing.'];
  const columns = [
    { title: 'CONNECTION', shrinks: true },
    { title: 'ACCOUNT', shrinks: true },
    { title: 'HOLDS' },
    { title: 'UNTIL' },
    { title: 'SERVER', shrinks: true, drop: 1 },
    { title: 'FILE', shrinks: true, drop: 2 },
  ];
  const rows = entries.map((entry) => [
    basename(entry.file, '.json'),
    entry.account,
    KINDS[entry.kind],
    timeLeft(entry),
    entry.server,
    entry.file,
  ]);
  return tableLines(columns, rows, style);
}

export function agentDocument({ locked = false, entries = [], pid }: AgentAnswer) {
  return {
    success: true,
    pid: pid ?? null,
    locked,
    entries: entries.map(({ file, server, account, kind, leftMs }) => ({
      connection: safeLine(basename(file, '.json')),
      account: safeLine(account),
      holds: KINDS[kind],
      'expires-in': leftMs === undefined ? null : Math.max(0, Math.floor(leftMs / 1000)),
      server: safeLine(server),
      file: safeLine(file),
    })),
  };
}
