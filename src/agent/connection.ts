import type { Socket } from 'node:net';
import { AppError, isAppError } from '../core/errors.ts';
import {
  createFrameReader,
  encodeFrame,
  FRAME_DEADLINE_MS,
  type Frame,
  PROTOCOL_VERSION,
} from '../credentials/agent-protocol.ts';
import { type OperationParts, operate, type Said } from './operations.ts';
import { readWiped } from './wiped-socket.ts';

export interface ConnectionParts extends OperationParts {
  /** Somebody asked the agent to end. */
  readonly onKill: () => void;
}

/**
 * One client. Its requests are answered in their order; a frame that does not come whole in time, or is none, ends
 * the connection, and so does silence while nothing waits for an answer.
 * @param accepted paused
 */
export function serveConnection(accepted: Socket, parts: ConnectionParts): Socket {
  const reader = createFrameReader();
  let turn: Promise<unknown> = Promise.resolve();
  let pending = 0;
  const timer = { clear: () => {} };

  const endAfter = (ms: number) => {
    timer.clear();
    const handle = setTimeout(() => socket.destroy(), ms);
    timer.clear = () => clearTimeout(handle);
  };
  const settle = () => {
    if (pending > 0) timer.clear();
    else endAfter(FRAME_DEADLINE_MS);
  };
  const take = (frame: Frame) => {
    pending += 1;
    turn = turn
      .then(() => answer(frame))
      .catch(() => void socket.destroy())
      .finally(() => {
        pending -= 1;
        settle();
      });
  };
  const answer = async (frame: Frame) => {
    const said = await respond(frame).catch((error: unknown) => refusalOf(error));
    send(socket, said);
    if (frame.header.op === 'kill' && said.ok) socket.end(() => parts.onKill());
  };
  const respond = async (frame: Frame): Promise<Answer> => {
    if (frame.header.v !== PROTOCOL_VERSION) {
      throw new AppError('UNIMPLEMENTED', 'AGENT_VERSION', 'The agent is of another release of fedctl.');
    }
    if (frame.header.op === 'kill') return { ok: true, said: { header: { pid: parts.pid } } };
    return { ok: true, said: await operate(frame, parts) };
  };

  const socket = readWiped(accepted, (chunk) => {
    try {
      for (const frame of reader.push(chunk)) take(frame);
      settle();
    } catch {
      socket.destroy();
    }
  });
  endAfter(FRAME_DEADLINE_MS);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    timer.clear();
    reader.wipe();
  });
  return socket;
}

type Answer = { readonly ok: true; readonly said: Said } | { readonly ok: false; readonly reason: string };

/** What failed inside is not told: a reason is enough for a client of the same release. */
function refusalOf(error: unknown): Answer {
  return { ok: false, reason: isAppError(error) ? error.reason : 'AGENT_FAILED' };
}

function send(socket: Socket, answer: Answer): void {
  if (socket.destroyed) return;
  const { header = {}, payload } = answer.ok ? answer.said : {};
  const refusal = answer.ok ? {} : { reason: answer.reason };
  const frame = encodeFrame({ v: PROTOCOL_VERSION, ok: answer.ok, ...refusal, ...header }, payload);
  payload?.fill(0);
  socket.write(frame, () => void frame.fill(0));
}
