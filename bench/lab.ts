import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findFreeBase } from '../src/dev/ports.ts';
import { type Stack, type StackFacts, startStack } from '../src/dev/stack.ts';
import { FLOWER_VERSION, findFlower } from '../src/dev/tools/flower.ts';
import { type Connections, openConnections } from './load.ts';
import { createPlane, type Plane } from './plane.ts';

const CONNECTIONS = 4;

/** Real parts for the control planes under test, in one temporary folder. */
export interface Lab {
  readonly folder: string;
  readonly facts: StackFacts;
  /** Certificate and key of the servers, PEM files; the authority is `facts.ca`. */
  readonly certificate: string;
  readonly key: string;
  /** Folder with Flower's programs. */
  readonly flowerBin: string;
  plane(options: { name: string; cache: string; engine?: string }): Promise<Plane>;
  /** A few connections; closed at the end. */
  connect(options: { address: string; tls?: boolean }): Connections;
  /** Undone at the end, newest first. */
  atEnd(undo: () => unknown): void;
  close(): Promise<void>;
}

/** An identity provider, OpenFGA and certificates of the embedded stack; everything else is started apart. */
export async function openLab(progress: (line: string) => void): Promise<Lab> {
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-bench-'));
  const undos: (() => unknown)[] = [
    () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }),
  ];
  const close = async (): Promise<void> => {
    for (const undo of undos.splice(0).reverse()) await undo();
  };
  try {
    const { bin } = await findFlower({ version: FLOWER_VERSION, env: process.env, progress });
    const stack = await openStack(join(folder, 'stack'), progress);
    undos.push(() => stack.stop());
    const { facts } = stack;
    return {
      folder,
      facts,
      certificate: join(dirname(facts.ca), 'server.pem'),
      key: join(dirname(facts.ca), 'server.key'),
      flowerBin: bin,
      async plane({ name, ...options }) {
        const base = await findFreeBase();
        const plane = createPlane({
          ...options,
          folder: join(folder, name),
          template: join(facts.state, 'server.toml'),
          ports: { grpc: base, https: base + 1 },
        });
        undos.push(() => plane.stop());
        return plane;
      },
      connect({ address, tls = true }) {
        const connections = openConnections({ address, ca: tls ? facts.ca : undefined, count: CONNECTIONS });
        undos.push(() => connections.close());
        return connections;
      },
      atEnd: (undo) => void undos.push(undo),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openStack(folder: string, progress: (line: string) => void): Promise<Stack> {
  return startStack({
    folder,
    portBase: await findFreeBase(),
    engine: 'none',
    controlPlane: false,
    tools: {},
    env: process.env,
    now: Date.now,
    progress,
    signal: new AbortController().signal,
  });
}
