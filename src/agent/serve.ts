import { chmodSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../core/clock.ts';
import { serveConnection } from './connection.ts';
import { createEntries } from './entries.ts';
import { createAgentLock } from './lock.ts';
import { baseFolder, makePlace, sweepPlaces } from './place.ts';

const MAX_CONNECTIONS = 1024;
const SWEEP_MS = 10_000;

export interface AgentOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Of entries that come without one, in ms. */
  readonly lifetimeMs?: number | undefined;
  readonly clock?: Clock;
  /** How long wrong passphrases make the next try wait. */
  readonly wait?: (ms: number) => Promise<void>;
}

export interface Agent {
  readonly socket: string;
  readonly pid: number;
  /** Settles when the agent has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Wipes everything, closes every connection, removes socket and folder. */
  end(): void;
}

/** Listens on a socket of its own. @throws the file system's errors */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const base = baseFolder(options.env);
  await sweepPlaces(base);
  const place = makePlace(base);
  const { promise: ended, resolve: hasEnded } = Promise.withResolvers<void>();
  const entries = createEntries({ clock: options.clock ?? systemClock, lifetimeMs: options.lifetimeMs });
  const lock = createAgentLock({ entries, wait: options.wait ?? ((ms) => sleep(ms)) });
  const sockets = new Set<Socket>();
  const parts = { entries, lock, pid: process.pid, onKill: end };
  const server = createServer({ pauseOnConnect: true }, (accepted) => {
    if (sockets.size >= MAX_CONNECTIONS) return void accepted.destroy();
    const socket = serveConnection(accepted, parts);
    sockets.add(socket.once('close', () => sockets.delete(socket)));
  });
  // What has ended is wiped soon after, also where nobody asks for it.
  const sweeping = setInterval(() => entries.list(), SWEEP_MS);

  function end(): void {
    clearInterval(sweeping);
    entries.remove();
    server.close();
    for (const socket of sockets) socket.destroy();
    place.remove();
    hasEnded();
  }

  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path: place.socket, readableAll: false, writableAll: false }, resolve);
    });
    chmodSync(place.socket, 0o600);
  } catch (error) {
    end();
    throw error;
  }
  return { socket: place.socket, pid: process.pid, ended, end };
}
