import { lstatSync, mkdtempSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'fedctl-agent-';
const SOCKET = /^agent\.[0-9]+$/;

/** Where an agent listens: a socket in a new folder of its own that nobody else can enter. */
export interface AgentPlace {
  readonly socket: string;
  /** Takes socket and folder away; more than once does no harm. */
  remove(): void;
}

/** `$XDG_RUNTIME_DIR` where it is a folder of ours, else the folder for temporary files. */
export function baseFolder(env: NodeJS.ProcessEnv): string {
  const { XDG_RUNTIME_DIR: runtime } = env;
  return runtime?.startsWith('/') && isOurFolder(runtime) ? runtime : tmpdir();
}

export function makePlace(base: string, pid: number = process.pid): AgentPlace {
  const folder = mkdtempSync(join(base, PREFIX));
  const socket = join(folder, `agent.${pid}`);
  return { socket, remove: () => removeFolder(folder) };
}

/** Removes what agents that were killed left in `base`: our folders with nobody behind their sockets. */
export async function sweepPlaces(base: string): Promise<void> {
  const folders = readdirSync(base)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => join(base, name))
    .filter(isOurFolder);
  for (const folder of folders) {
    const sockets = readdirSync(folder).filter((name) => SOCKET.test(name));
    // A folder without a socket may belong to an agent that is starting.
    if (sockets.length > 0 && !(await isAnswered(join(folder, String(sockets[0]))))) removeFolder(folder);
  }
}

function isOurFolder(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === process.getuid?.() && (stat.mode & 0o077) === 0;
}

function isAnswered(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    const end = (answered: boolean) => {
      probe.destroy();
      resolve(answered);
    };
    probe.once('connect', () => end(true));
    // Only a refusal proves that nobody is there.
    probe.once('error', (error: NodeJS.ErrnoException) => end(error.code !== 'ECONNREFUSED'));
  });
}

function removeFolder(folder: string): void {
  try {
    for (const name of readdirSync(folder)) if (SOCKET.test(name)) unlinkSync(join(folder, name));
    rmdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
