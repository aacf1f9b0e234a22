import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Our server with Flower's wires alone: for a client the same as a SuperLink with Flower's login. */
export interface FlowerServer {
  /** What it has logged. */
  log(): string;
  /** SIGTERM, and its end. */
  stop(): Promise<void>;
}

/** The name of Flower's wire for each transport (server/main.ts). */
const WIRES = { grpc: 'flwr.proto.Control', http: 'flower-http' } as const;

/** Starts it with one wire on the addresses of a server.toml, as a process of its own. @throws with what it has printed where it ends before */
export async function startFlowerServer(config: string, transport: 'grpc' | 'http'): Promise<FlowerServer> {
  const env = { PATH: process.env.PATH, HOME: dirname(config), LANG: 'C.UTF-8' };
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), config, WIRES[transport]], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  child.stderr.on('data', (data) => {
    printed += data;
  });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((ready, failed) => {
    lines.on('line', (line) => {
      printed += `${line}\n`;
      if (line === 'ready') ready();
    });
    void ended.then(() => failed(new Error(`The server ended:\n${printed}`)));
  });
  return {
    log: () => printed,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** The process itself. */
async function serve(config: string, wire: string): Promise<void> {
  const { loadConfig } = await import('../../src/server/config/load.ts');
  const { startServer } = await import('../../src/server/main.ts');
  const server = await startServer(await loadConfig(config), { wires: [wire] });
  process.stdout.write('ready\n');
  process.once('SIGTERM', () => void server.stop().then(() => process.exit()));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await serve(process.argv[2] ?? '', process.argv[3] ?? '');
}
