import { isAppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { AgentRequest, EntryKind } from './agent-protocol.ts';
import { type AgentReply, openAgentLine } from './agent-socket.ts';
import type { AgentLabel, KeyAgent } from './key-agent.ts';

/** Longer than the agent takes to derive a key; its answer to a wrong passphrase comes later the more there were. */
const PASSPHRASE_DEADLINE_MS = 60_000;
/** Reasons for which a key is asked for as if there were no agent. */
const ABSENT = ['AGENT_UNREACHABLE', 'AGENT_UNSAFE', 'AGENT_VERSION'];

/**
 * The agent of this shell as credentials use it (an OpenKeyAgent). Connects for each request; nothing is sent
 * before the first.
 * @param socket FEDCTL_AGENT_SOCK
 * @param note told once, where the agent can't be used and the command goes on without
 */
export function openKeyAgent(socket: string, note: (line: string) => void = () => {}): KeyAgent {
  let isAbsent = false;

  /** `otherwise` where no agent can be used. */
  async function orWithout<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
    if (isAbsent) return otherwise;
    try {
      return await work();
    } catch (error) {
      if (!isAppError(error) || !ABSENT.includes(error.reason)) throw error;
      isAbsent = true;
      note(`${error.message} Going on without it.`);
      return otherwise;
    }
  }

  const ask = (request: AgentRequest, payload?: Uint8Array) => askAgent(socket, request, payload);
  const remove = (id: string) => orWithout(async () => ((await ask({ op: 'remove', id })).count ?? 0) > 0, false);

  return {
    key: (id) => orWithout(async () => await get(ask, id).catch(undefinedWhereLocked), undefined),
    putKey: (id, key, label) =>
      orWithout(() => ask(putRequest(id, 'key', label), key).then(ignore, undefinedWhereLocked), undefined),
    async tokens(id) {
      const text = await get(ask, id);
      if (text === undefined) return undefined;
      const tokens = new Secret(text.toString('utf8'));
      text.fill(0);
      return tokens;
    },
    async putTokens(id, tokens, label) {
      const text = Buffer.from(tokens.reveal());
      await ask(putRequest(id, 'login', label), text).finally(() => text.fill(0));
    },
    removeTokens: remove,
    removeKey: remove,
  };
}

export function putRequest(id: string, kind: EntryKind, { file, server, account }: AgentLabel, lifetimeMs?: number) {
  return { op: 'put', id, kind, file, server, account, ...(lifetimeMs === undefined ? {} : { lifetimeMs }) } as const;
}

/**
 * One request to the agent at `socket`.
 * @throws UNAVAILABLE AGENT_UNREACHABLE; FAILED_PRECONDITION AGENT_UNSAFE, AGENT_LOCKED; UNIMPLEMENTED AGENT_VERSION;
 *   PERMISSION_DENIED AGENT_PASSPHRASE_WRONG; RESOURCE_EXHAUSTED AGENT_FULL, AGENT_BUSY
 */
export async function askAgent(socket: string, request: AgentRequest, payload?: Uint8Array): Promise<AgentReply> {
  const line = await openAgentLine(socket);
  const isSlow = request.op === 'lock' || request.op === 'unlock';
  try {
    return await line.ask(request, {
      ...(payload === undefined ? {} : { payload }),
      ...(isSlow ? { deadlineMs: PASSPHRASE_DEADLINE_MS } : {}),
    });
  } finally {
    line.close();
  }
}

async function get(ask: (request: AgentRequest) => Promise<AgentReply>, id: string): Promise<Buffer | undefined> {
  const { found, payload } = await ask({ op: 'get', id });
  return found === true ? payload : undefined;
}

const ignore = () => undefined;

function undefinedWhereLocked(error: unknown): undefined {
  if (!isAppError(error) || error.reason !== 'AGENT_LOCKED') throw error;
}
