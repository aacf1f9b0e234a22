import { lstatSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { AppError, isAppError } from '../core/errors.ts';
import {
  type AgentAnswer,
  type AgentRequest,
  createFrameReader,
  encodeFrame,
  FRAME_DEADLINE_MS,
  PROTOCOL_VERSION,
} from './agent-protocol.ts';
import { openPrivateDir } from './private-dir.ts';

/** A connection to the agent, for requests one after the other. */
export interface AgentLine {
  /** @param deadlineMs how long the answer may take; @throws AppError AGENT_UNREACHABLE, or what the agent refuses with */
  ask(request: AgentRequest, options?: { payload?: Uint8Array; deadlineMs?: number }): Promise<AgentReply>;
  close(): void;
}

export interface AgentReply extends AgentAnswer {
  /** To be wiped by whoever asked. */
  readonly payload: Buffer;
}

const unreachable = (path: string, cause?: unknown) =>
  new AppError('UNAVAILABLE', 'AGENT_UNREACHABLE', `No agent answers at ${path} (FEDCTL_AGENT_SOCK).`, {
    hint: 'Start one: eval $(fedctl agent)',
    cause,
  });

const unsafe = (path: string, what: string) =>
  new AppError('FAILED_PRECONDITION', 'AGENT_UNSAFE', `${path} (FEDCTL_AGENT_SOCK) ${what}.`, {
    hint: 'Start an agent of your own: eval $(fedctl agent)',
  });

/**
 * Connects to the agent behind a socket, if the socket and its folder are ours and nobody else can enter.
 * @throws UNAVAILABLE AGENT_UNREACHABLE; FAILED_PRECONDITION AGENT_UNSAFE
 */
export async function openAgentLine(path: string): Promise<AgentLine> {
  const socket = await connectTo(path);
  let broken: AppError | undefined;
  let answered: ((reply: AgentReply | AppError) => void) | undefined;
  const reader = createFrameReader();
  const fail = (cause?: unknown) => {
    broken ??= unreachable(path, cause);
    answered?.(broken);
    reader.wipe();
    socket.destroy();
  };
  socket.on('error', fail).on('close', () => fail());
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const { header, payload } of reader.push(chunk))
        answered?.({ ...(header as unknown as AgentAnswer), payload });
    } catch (error) {
      fail(error);
    }
  });
  return {
    async ask(request, { payload, deadlineMs = FRAME_DEADLINE_MS } = {}) {
      if (broken) throw broken;
      const reply = await new Promise<AgentReply | AppError>((resolve) => {
        const timer = setTimeout(fail, deadlineMs);
        answered = (value) => {
          clearTimeout(timer);
          answered = undefined;
          resolve(value);
        };
        const frame = encodeFrame({ v: PROTOCOL_VERSION, ...request }, payload);
        socket.write(frame, () => void frame.fill(0));
      });
      if (isAppError(reply)) throw reply;
      if (reply.ok) return reply;
      throw refusal(reply.reason ?? '');
    },
    close: () => void socket.destroy(),
  };
}

const REFUSALS: Readonly<Record<string, () => AppError>> = {
  AGENT_LOCKED: () =>
    new AppError('FAILED_PRECONDITION', 'AGENT_LOCKED', 'The agent is locked.', { hint: 'Run: fedctl agent unlock' }),
  AGENT_PASSPHRASE_WRONG: () =>
    new AppError('PERMISSION_DENIED', 'AGENT_PASSPHRASE_WRONG', 'That is not the passphrase of the agent.'),
  AGENT_BUSY: () =>
    new AppError('RESOURCE_EXHAUSTED', 'AGENT_BUSY', 'Others are trying to unlock the agent.', {
      hint: 'Try again when they have ended.',
    }),
  AGENT_FULL: () =>
    new AppError('RESOURCE_EXHAUSTED', 'AGENT_FULL', 'The agent holds as much as it can.', {
      hint: 'Forget something: fedctl agent remove',
    }),
  AGENT_VERSION: () =>
    new AppError('UNIMPLEMENTED', 'AGENT_VERSION', 'The agent is of another release of fedctl.', {
      hint: 'End it and start another: fedctl agent kill; eval $(fedctl agent)',
    }),
};

function refusal(reason: string): AppError {
  const known = Object.hasOwn(REFUSALS, reason) ? REFUSALS[reason] : undefined;
  return known?.() ?? new AppError('INTERNAL', 'AGENT_FAILED', 'The agent could not do this.');
}

/** By the open folder, so that nobody can put another one in its place between the check and the use. */
async function connectTo(path: string): Promise<Socket> {
  using dir = openFolder(path);
  if (dir === undefined) throw unreachable(path);
  const place = dir.at(basename(path));
  checkPrivate(path, dir.at('.'), place);
  const socket = connect(place);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
      socket.setTimeout(FRAME_DEADLINE_MS, () => reject(new Error('timeout')));
    });
  } catch (error) {
    socket.destroy();
    throw unreachable(path, error);
  }
  return socket.setTimeout(0);
}

function openFolder(path: string) {
  try {
    return openPrivateDir(dirname(path), { create: false });
  } catch (error) {
    if (!isAppError(error)) throw unreachable(path, error);
    throw unsafe(path, 'lies in a folder that is not yours alone');
  }
}

function checkPrivate(path: string, folder: string, place: string): void {
  const others = 0o077;
  // With the dot the open folder itself, not the link to it.
  if ((lstatSync(`${folder}/.`).mode & others) !== 0) throw unsafe(path, 'lies in a folder that others can enter');
  const stat = lstatSync(place, { throwIfNoEntry: false });
  if (stat === undefined) throw unreachable(path);
  if (!stat.isSocket()) throw unsafe(path, 'is no socket');
  if (stat.uid !== process.getuid?.() || (stat.mode & others) !== 0) throw unsafe(path, 'is not yours alone');
}
