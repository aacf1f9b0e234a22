import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse, stringify } from '@iarna/toml';
import { type Child, startChild } from './children.ts';

/** The program under test: FEDCTL_BIN, or what `npm run build` has made. */
export const BIN = process.env.FEDCTL_BIN ?? new URL('../dist/bin.js', import.meta.url).pathname;

export interface PlaneOptions {
  /** For its state and its log. */
  readonly folder: string;
  /** A server.toml of the embedded stack: its identity provider, OpenFGA, certificates and keys. */
  readonly template: string;
  readonly ports: { readonly grpc: number; readonly https: number };
  /** `[openfga] cache`. */
  readonly cache: string;
  /** `host:port` of the engine's Control API. */
  readonly engine?: string | undefined;
}

/** A control plane in a process of its own. */
export interface Plane {
  readonly address: string;
  /** `host:port` of the HTTPS port. */
  readonly httpAddress: string;
  readonly database: string;
  pid(): number;
  /** Starts it; milliseconds from the start of the process until `/readyz` says yes. */
  start(): Promise<number>;
  stop(): Promise<void>;
}

export function createPlane(options: PlaneOptions): Plane {
  const { folder, ports } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { configFile, ca } = writeConfig(options);
  let child: Child | undefined;
  return {
    address: `127.0.0.1:${ports.grpc}`,
    httpAddress: `127.0.0.1:${ports.https}`,
    database: join(folder, 'fedctl.db'),
    pid: () => child?.pid ?? Number.NaN,
    async start() {
      const log = createWriteStream(join(folder, 'server.log'), { flags: 'a' });
      const begun = performance.now();
      child = startChild(process.execPath, [BIN, 'server', 'start', '--config', configFile], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.process.stdout?.pipe(log, { end: false });
      child.process.stderr?.pipe(log, { end: false });
      while (!(await isReady(ports.https, ca))) {
        if (child.process.exitCode !== null || performance.now() - begun > 60_000) {
          throw new Error(`the control plane did not start:\n${readFileSync(join(folder, 'server.log'), 'utf8')}`);
        }
        await delay(5);
      }
      return performance.now() - begun;
    },
    async stop() {
      await child?.stop();
      child = undefined;
    },
  };
}

function writeConfig({ folder, template, ports, cache, engine }: PlaneOptions): { configFile: string; ca: string } {
  const tables = parse(readFileSync(template, 'utf8')) as Record<string, Record<string, unknown>>;
  const own = { 'grpc-address': `127.0.0.1:${ports.grpc}`, 'https-address': `127.0.0.1:${ports.https}` };
  const config = {
    ...tables,
    server: { ...tables.server, ...own, 'state-dir': folder },
    openfga: { ...tables.openfga, cache },
    engine: engine
      ? { kind: 'flower-grpc', name: 'bench', address: engine, insecure: true }
      : { kind: 'none', name: 'bench' },
    // One token lasts for the whole run.
    tokens: { access: '1h' },
  };
  const configFile = join(folder, 'server.toml');
  writeFileSync(configFile, stringify(config as Parameters<typeof stringify>[0]));
  return {
    configFile,
    ca: readFileSync(String(tables.server?.['tls-cert']).replace(/server\.pem$/, 'ca.pem'), 'utf8'),
  };
}

function isReady(port: number, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ host: 'localhost', port, path: '/readyz', ca, agent: false }, (response) => {
      response.resume();
      response.once('close', () => resolve(response.statusCode === 200));
    });
    asked.once('error', () => resolve(false));
    asked.end();
  });
}
