import { spawn } from 'node:child_process';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type JsonMap, parse, stringify } from '@iarna/toml';
import { BIN } from './dev-stack.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** `fedctl server start`, as a process of its own. */
export interface ControlPlane {
  readonly pid: number;
  /** What it has logged on standard output. */
  log(): string;
  /** What it has told on standard error. */
  told(): string;
  readonly exited: Promise<Exit>;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL, as a crash does. */
  kill(): Promise<Exit>;
  /** SIGTERM, and its exit once it has drained. */
  stop(): Promise<Exit>;
}

export interface ControlPlaneOptions {
  /** Path of server.toml. */
  readonly config: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Takes up what it prints on both outputs, while it runs. */
  readonly logFile?: string;
}

/** Starts the control plane and resolves when it listens. @throws with its stderr where it ends before */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const plane = launchControlPlane(options);
  const { exited, told } = plane;
  await new Promise<void>((up, failed) => {
    plane.onTold(() => told().includes('gRPC on ') && up());
    void exited.then(({ code, signal }) => failed(new Error(`ended with ${code ?? signal}:\n${told()}${plane.log()}`)));
  });
  return plane;
}

/** Runs `fedctl server start` where it is expected to end by itself. */
export async function tryControlPlane(options: ControlPlaneOptions): Promise<Exit & { told: string; log: string }> {
  const plane = launchControlPlane(options);
  const exit = await plane.exited;
  return { ...exit, told: plane.told(), log: plane.log() };
}

function launchControlPlane({ config, env = {}, logFile }: ControlPlaneOptions) {
  const clean = { PATH: process.env.PATH, HOME: dirname(config), LANG: 'C.UTF-8', ...env };
  const child = spawn(process.execPath, [BIN, 'server', 'start', '--config', config], {
    cwd: dirname(config),
    env: clean,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (logFile !== undefined) {
    const file = createWriteStream(logFile, { flags: 'a' });
    child.stdout.pipe(file, { end: false });
    child.stderr.pipe(file, { end: false });
  }
  let [log, told] = ['', ''];
  const listeners: (() => void)[] = [];
  child.stdout.on('data', (data) => {
    log += data;
  });
  child.stderr.on('data', (data) => {
    told += data;
    for (const listen of listeners) listen();
  });
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const end = (signal: NodeJS.Signals): Promise<Exit> => {
    child.kill(signal);
    return exited;
  };
  return {
    pid: child.pid ?? 0,
    log: () => log,
    told: () => told,
    onTold: (listener: () => void) => void listeners.push(listener),
    exited,
    signal: (name: NodeJS.Signals) => void child.kill(name),
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  };
}

/** Settings by table, as they stand in server.toml; undefined takes a setting, or a whole table, out. */
export type Changes = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

/** Writes a copy of a server.toml with other settings; `[[oidc]]` stands for its first table. */
export function changeConfig(from: string, to: string, changes: Changes): string {
  const tables = parse(readFileSync(from, 'utf8'));
  for (const [name, settings] of Object.entries(changes)) {
    if (settings === undefined) delete tables[name];
    if (settings === undefined) continue;
    const found = tables[name];
    const table = (Array.isArray(found) ? found[0] : (found ?? {})) as JsonMap;
    for (const [key, value] of Object.entries(settings)) {
      if (value === undefined) delete table[key];
      else table[key] = value as JsonMap;
    }
    if (!Array.isArray(found)) tables[name] = table;
  }
  writeFileSync(to, stringify(tables), { mode: 0o600 });
  return to;
}
