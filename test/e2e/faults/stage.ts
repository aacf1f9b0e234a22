import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareCertificates } from '../../../src/dev/ca.ts';
import { writeServerConfig } from '../../../src/dev/control-plane.ts';
import { type DevIdp, startIdp } from '../../../src/dev/idp.ts';
import { findFreeBase, layOutPorts } from '../../../src/dev/ports.ts';
import { prepareStore } from '../../../src/dev/seeds.ts';
import type { StackFacts } from '../../../src/dev/stack.ts';
import { type Changes, type ControlPlane, changeConfig, startControlPlane } from '../../support/control-plane.ts';
import { startOpenFga, type TestOpenFga } from '../../support/openfga.ts';
import { invitePeople, type People } from '../../support/people.ts';
import { startSuperLink, type TestSuperLink } from '../../support/superlink.ts';

/** One part that can be taken away and brought back, on the same port and state. */
export interface Part {
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** The parts of the embedded stack, each of which can fail alone, and control planes as processes of their own. */
export interface Stage {
  readonly folder: string;
  readonly facts: StackFacts;
  readonly people: People;
  /** server.toml as `fedctl dev` writes it, with the stage's settings. */
  readonly config: string;
  readonly database: string;
  readonly idp: Part;
  readonly openfga: TestOpenFga;
  /** Undefined where none was asked for. */
  readonly engine: TestSuperLink | undefined;
  /** Refresh tokens that the identity provider has given: one for each login and each renewal. */
  readonly idpDatabase: string;
  /** Starts a control plane; other settings go into a copy of server.toml. What still runs at the end is killed. */
  serve(options?: { changes?: Changes; env?: NodeJS.ProcessEnv }): Promise<ControlPlane>;
  /** A copy of server.toml with other settings. */
  configure(name: string, changes: Changes): string;
  /** Kills every control plane that still runs. */
  silence(): Promise<void>;
  /** Logs of all control planes so far. */
  logs(): string;
  close(): Promise<void>;
}

export interface StageOptions {
  /** SuperNodes of a real SuperLink, or none of it. */
  readonly engine?: { readonly nodes: number };
  readonly changes?: Changes;
  /** `host:port` that people connect to, where that is not the control plane itself. */
  readonly address?: string;
  /** Environment of everybody's fedctl. */
  readonly env?: NodeJS.ProcessEnv;
}

export async function setStage(options: StageOptions = {}): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-faults-'));
  const ports = layOutPorts(await findFreeBase());
  const [openfga, engine, certificates] = await Promise.all([
    startOpenFga(),
    options.engine ? startSuperLink(options.engine) : undefined,
    prepareCertificates({ folder: join(folder, 'tls'), now: Date.now() }),
  ]);
  const idp = idpPart(folder, ports.issuer);
  const provider = await idp.begin();
  const store = { url: openfga.url, store: await prepareStore({ url: openfga.url, state: folder }) };
  const written = writeServerConfig({
    state: folder,
    ports,
    certificates,
    idp: provider,
    openfga: store,
    engine: engine && { kind: 'flower-grpc', address: engine.address },
  });
  const config = changeConfig(written, join(folder, 'stage.toml'), options.changes ?? {});
  const facts: StackFacts = {
    address: options.address ?? `127.0.0.1:${ports.grpc}`,
    ca: certificates.ca,
    https: `https://127.0.0.1:${ports.https}`,
    issuer: provider.issuer,
    openfga: { ...store, model: '' },
    engine: engine ? { kind: 'flower@1.32.1', address: engine.address } : null,
    accounts: provider.accounts,
    pid: process.pid,
    state: folder,
  };
  const planes: ControlPlane[] = [];
  const silence = async (): Promise<void> => void (await Promise.all(planes.map((plane) => plane.kill())));
  const people = invitePeople(facts, options.env);
  return {
    folder,
    facts,
    people,
    config,
    database: join(folder, 'server', 'fedctl.db'),
    idp,
    idpDatabase: join(folder, 'idp', 'idp.db'),
    openfga,
    engine,
    configure: (name, changes) => changeConfig(config, join(folder, `${name}.toml`), changes),
    async serve({ changes, env } = {}) {
      const file = changes ? changeConfig(config, join(folder, `changed-${planes.length}.toml`), changes) : config;
      const plane = await startControlPlane({ config: file, ...(env ? { env } : {}) });
      planes.push(plane);
      return plane;
    },
    silence,
    logs: () => planes.map((plane) => plane.log() + plane.told()).join('\n'),
    async close() {
      await silence();
      await Promise.all([engine?.close(), openfga.close(), idp.stop()]);
      people.leave();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

/** The dev identity provider in this process, on a folder of its own. */
function idpPart(state: string, port: number): Part & { begin(): Promise<DevIdp> } {
  const folder = join(state, 'idp');
  let running: DevIdp | undefined;
  const begin = async (): Promise<DevIdp> => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    running = await startIdp({ folder, port, now: Date.now });
    return running;
  };
  return {
    begin,
    start: async () => void (await begin()),
    stop: async () => {
      await running?.stop();
      running = undefined;
    },
  };
}
