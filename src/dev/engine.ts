import { mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { EngineLayout } from './engine-release.ts';
import type { Place } from './openfga.ts';
import type { Ports } from './ports.ts';
import { type ChildProcess, startProcess } from './processes.ts';
import { countInLog, portAnswers, waitUntilReady } from './readiness.ts';
import type { Flower } from './tools/flower.ts';

export interface EngineOptions {
  readonly flower: Flower;
  readonly layout: EngineLayout;
  readonly ports: Ports;
  readonly place: Place;
}

/** A running SuperLink with its SuperNodes, newest process last. */
export interface DevEngine {
  /** "flower@1.32.1". */
  readonly kind: string;
  readonly layout: EngineLayout;
  /** `host:port` of the Control API. */
  readonly address: string;
  readonly processes: readonly ChildProcess[];
}

const START_MS = 120_000;
const NODE_COUNT = 2;
/** The SuperLink logs this once for each node that has come up (facts section 8). */
const ACTIVATED = /\[Fleet\.ActivateNode\] Activated node_id=/g;

/**
 * Starts an unmodified SuperLink with two SuperNodes on loopback and resolves when both nodes have registered.
 * Facts section 8: no telemetry, no update check, no installation of dependencies at run time.
 * `started` is called with each process as soon as it exists, so that a failed start can be undone.
 */
export async function startEngine(
  options: EngineOptions,
  started: (process: ChildProcess) => void,
): Promise<DevEngine> {
  const { flower, layout, ports, place } = options;
  const launch = async (name: string, args: readonly string[]): Promise<ChildProcess> => {
    const home = join(place.state, 'engine', name);
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const process = await startProcess({
      name,
      command: join(flower.bin, name === 'superlink' ? 'flower-superlink' : 'flower-supernode'),
      args: ['--insecure', '--isolation', 'subprocess', ...args],
      env: environment(flower, home),
      cwd: home,
      logs: join(place.state, 'logs'),
      graceMs: 3000,
      ledger: place.ledger,
    });
    started(process);
    return process;
  };
  const superlink = await launch('superlink', [...['--database', 'state.db'], ...layout.superlink(ports)]);
  const wait = { timeoutMs: START_MS, signal: place.signal };
  await waitUntilReady({
    ...wait,
    process: superlink,
    what: 'The SuperLink',
    probe: () => portAnswers(ports[layout.nodePort]),
  });
  const nodes: ChildProcess[] = [];
  for (const index of [0, 1]) nodes.push(await launch(`supernode-${index}`, supernodeArgs(options, index)));
  const registered = async (): Promise<boolean> => (await countInLog(superlink, ACTIVATED)) >= NODE_COUNT;
  const waits = nodes.map((process) => waitUntilReady({ ...wait, process, what: 'A SuperNode', probe: registered }));
  await Promise.all(waits);
  return {
    kind: `flower@${flower.version}`,
    layout,
    address: `127.0.0.1:${ports.engineControl}`,
    processes: [superlink, ...nodes],
  };
}

function supernodeArgs({ layout, ports }: EngineOptions, index: number): readonly string[] {
  const own = index === 0 ? ports.clientApp0 : ports.clientApp1;
  return [
    ...['--superlink', `127.0.0.1:${ports[layout.nodePort]}`, ...layout.supernode(own)],
    ...['--node-config', `partition-id=${index} num-partitions=${NODE_COUNT}`],
  ];
}

function environment(flower: Flower, home: string): Record<string, string> {
  return {
    PATH: [flower.bin, process.env.PATH ?? ''].join(delimiter),
    HOME: home,
    FLWR_HOME: join(home, '.flwr'),
    FLWR_TELEMETRY_ENABLED: '0',
    FLWR_DISABLE_UPDATE_CHECK: '1',
    FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION: '1',
    PYTHONUNBUFFERED: '1',
  };
}
