import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { type DevCertificates, prepareCertificates } from './ca.ts';
import { startControlPlane, writeServerConfig } from './control-plane.ts';
import { type DevEngine, startEngine } from './engine.ts';
import { type EngineRelease, parseEngine } from './engine-release.ts';
import { type DevIdp, startIdp } from './idp.ts';
import { type Place, startOpenFga } from './openfga.ts';
import { assertPortsFree, DEFAULT_PORT_BASE, layOutPorts, type Ports } from './ports.ts';
import type { ChildProcess } from './processes.ts';
import type { Progress } from './progress.ts';
import type { DevAccount } from './secrets-file.ts';
import { newestModel, prepareStore } from './seeds.ts';
import { type HeldState, holdState } from './state.ts';
import { findFlower } from './tools/flower.ts';
import { findOpenFga } from './tools/openfga.ts';

export interface StackOptions {
  /** Absolute path of the state folder. */
  readonly folder: string;
  /** Undefined: the base of the start before on this state, else 9093. */
  readonly portBase: number | undefined;
  /** `flower@RELEASE` or `none`. */
  readonly engine: string;
  /** False leaves it to be started with `server.toml` of the state folder. */
  readonly controlPlane: boolean;
  readonly tools: { readonly openfga?: string | undefined; readonly flower?: string | undefined };
  readonly env: NodeJS.ProcessEnv;
  readonly now: () => number;
  readonly progress: Progress;
  /** Aborts the start. */
  readonly signal: AbortSignal;
}

/** What `fedctl dev --json` prints when the stack is ready (design.md "The embedded stack"). */
export interface StackFacts {
  readonly address: string;
  readonly ca: string;
  readonly https: string;
  readonly issuer: string;
  readonly openfga: { readonly url: string; readonly store: string; readonly model: string };
  readonly engine: { readonly kind: string; readonly address: string } | null;
  readonly accounts: readonly DevAccount[];
  readonly pid: number;
  readonly state: string;
}

export interface Stack {
  readonly facts: StackFacts;
  /** Resolves, with what to tell, when a part has ended by itself. */
  readonly broken: Promise<AppError>;
  /** Ends every part, newest first; nothing is left running. */
  stop(): Promise<void>;
}

/** Parts that have been started, to be ended in the opposite order. */
interface Started {
  readonly stops: (() => Promise<void>)[];
  readonly children: ChildProcess[];
}

/** Starts the whole stack, or nothing: where a part can't be started, the others are ended before the error is thrown. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const state = await holdState(options);
  const started: Started = { stops: [async () => state.release()], children: [] };
  const stop = (): Promise<void> => stopAll(started.stops.splice(0).reverse());
  try {
    const facts = await startParts(options, state, started);
    options.signal.throwIfAborted();
    return { facts, broken: Promise.race(started.children.map(watch)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(options: StackOptions, state: HeldState, started: Started): Promise<StackFacts> {
  const { folder, progress } = options;
  const release = parseEngine(options.engine);
  const base = options.portBase ?? state.portBase ?? DEFAULT_PORT_BASE;
  const ports = layOutPorts(base);
  await assertPortsFree(ports);
  state.savePortBase(base);
  const [engine, behind] = await startTogether(options.signal, (signal) => {
    const place: Place = { state: folder, ledger: state.ledger, signal };
    return [
      startEnginePart({ ...options, signal, release }, ports, place, started),
      startBehind({ ...options, signal }, ports, place, started),
    ];
  });
  const { idp, openfga, certificates } = behind;
  const configFile = writeServerConfig({
    state: folder,
    ports,
    certificates,
    idp,
    openfga,
    engine: engine && { kind: engine.layout.kind, address: engine.address },
  });
  if (options.controlPlane) {
    progress('Starting the control plane');
    const plane = await startControlPlane({ configFile, logs: join(folder, 'logs') });
    started.stops.push(() => plane.stop());
  }
  return {
    address: `127.0.0.1:${ports.grpc}`,
    ca: certificates.ca,
    https: `https://127.0.0.1:${ports.https}`,
    issuer: idp.issuer,
    openfga: { ...openfga, model: (await newestModel(openfga.url, openfga.store)) ?? '' },
    engine: engine ? { kind: engine.kind, address: engine.address } : null,
    accounts: idp.accounts,
    pid: process.pid,
    state: folder,
  };
}

async function startEnginePart(
  options: StackOptions & { release: EngineRelease | undefined },
  ports: Ports,
  place: Place,
  started: Started,
): Promise<DevEngine | undefined> {
  const { env, progress, signal, tools, release } = options;
  if (release === undefined) return undefined;
  const { version, layout } = release;
  const flower = await findFlower({ version, env, progress, signal, explicit: tools.flower });
  progress(`Starting Flower's SuperLink ${flower.version} and two SuperNodes`);
  const children: ChildProcess[] = [];
  // One stop for all of them: a SuperNode whose SuperLink is gone has nothing left to say goodbye to.
  started.stops.push(async () => void (await Promise.all(children.map((child) => child.stop()))));
  return startEngine({ flower, layout, ports, place }, (child) => {
    children.push(child);
    started.children.push(child);
  });
}

interface Behind {
  readonly idp: DevIdp;
  readonly openfga: { readonly url: string; readonly store: string };
  readonly certificates: DevCertificates;
}

/** Everything behind the control plane but the engine. */
async function startBehind(options: StackOptions, ports: Ports, place: Place, started: Started): Promise<Behind> {
  const { env, progress, signal, tools, now } = options;
  const certificates = await prepareCertificates({ folder: join(place.state, 'tls'), now: now() });
  const folder = join(place.state, 'idp');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const controlPlane = { origin: `https://127.0.0.1:${ports.https}`, ca: certificates.ca };
  const idp = await startIdp({ folder, port: ports.issuer, now, controlPlane });
  started.stops.push(() => idp.stop());
  const binary = await findOpenFga({ env, progress, signal, explicit: tools.openfga });
  progress('Starting OpenFGA');
  const child = await startOpenFga({ binary, httpPort: ports.openfgaHttp, grpcPort: ports.openfgaGrpc, place });
  started.stops.push(() => child.stop());
  started.children.push(child);
  const url = `http://127.0.0.1:${ports.openfgaHttp}`;
  return { idp, certificates, openfga: { url, store: await prepareStore({ url, state: place.state }) } };
}

/** As Promise.all, but the first failure aborts the other one, and nothing is under way any more when it rejects. */
async function startTogether<A, B>(
  signal: AbortSignal,
  start: (signal: AbortSignal) => readonly [Promise<A>, Promise<B>],
): Promise<readonly [A, B]> {
  const aborter = new AbortController();
  const work = start(AbortSignal.any([signal, aborter.signal]));
  // The first reason stays; the other one's failure is only its echo.
  for (const one of work) one.catch((error) => aborter.abort(error));
  await Promise.allSettled(work);
  aborter.signal.throwIfAborted();
  return Promise.all(work);
}

/** Every stop is tried; the first failure is told at the end. */
async function stopAll(stops: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const stop of stops) await stop().catch((error) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

async function watch(child: ChildProcess): Promise<AppError> {
  await child.exited;
  return new AppError('UNAVAILABLE', 'DEV_PROCESS_FAILED', `${child.name} has ended by itself.`, {
    hint: `Its log is ${child.logFile}`,
  });
}
