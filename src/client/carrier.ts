import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import type { Destination, ForwardProxy } from '../core/proxy.ts';

const PROBE_MS = 4_000;

/** An open connection to a server, straight or through a proxy. */
export interface Carrier {
  readonly socket: Socket;
}

/** @throws an error with Node's code, or an AppError of core/tunnel.ts */
export async function openCarrier(to: Destination, proxy: ForwardProxy | undefined): Promise<Carrier> {
  if (proxy !== undefined) {
    const { openTunnel } = await import('../core/tunnel.ts');
    return { socket: await openTunnel({ proxy, to, timeoutMs: PROBE_MS }) };
  }
  // Apart from connecting, so that it has a time of its own.
  if (isIP(to.host) === 0) await within(PROBE_MS, lookup(to.host));
  const socket = connect(to);
  try {
    await once(socket, 'connect');
    return { socket };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Waits for the event, takes what `look` finds, and closes the socket in any case. */
export async function closeAfter<T>(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  look: () => T | Promise<T>,
): Promise<T> {
  try {
    await once(socket, event);
    return await look();
  } finally {
    socket.destroy();
  }
}

/** The first thing that the peer says; undefined where it closes without a word. */
export function firstBytes(socket: Socket): Promise<Buffer | undefined> {
  return within(
    PROBE_MS,
    new Promise((resolve, reject) => {
      socket.once('data', resolve);
      socket.once('close', () => resolve(undefined));
      socket.once('error', reject);
    }),
  );
}

function once(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return within(
    PROBE_MS,
    new Promise<void>((resolve, reject) => {
      socket.once(event, () => resolve());
      socket.once('error', reject);
      socket.once('close', () => reject(Object.assign(new Error('closed'), { code: 'CLOSED' })));
    }),
  );
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error('timeout'), { code: 'PROBE_TIMEOUT' })), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
