import { AppError } from '../core/errors.ts';
import type { Ports } from './ports.ts';
import { FLOWER_VERSION } from './tools/flower.ts';

/** The releases of Flower that the embedded stack is tested with, the default one first. */
export const TESTED_RELEASES = [FLOWER_VERSION, '1.41.0', '1.24.0'] as const;

/** How the programs of some releases are started, and where they listen (flower/facts sections 0 and 8). */
export interface EngineLayout {
  /** First minor release of Flower 1 that is started this way. */
  readonly from: number;
  /** Engine kind of the server's configuration. */
  readonly kind: 'flower-grpc' | 'flower-http';
  /** The port that SuperNodes connect to: once it answers the SuperLink is up. */
  readonly nodePort: keyof Ports;
  readonly superlink: (ports: Ports) => readonly string[];
  readonly supernode: (port: number) => readonly string[];
}

const local = (port: number): string => `127.0.0.1:${port}`;
const hostAndPort = (port: number): readonly string[] => ['--host', '127.0.0.1', '--port', String(port)];

const separate = (ports: Ports): readonly string[] => [
  ...['--fleet-api-address', local(ports.engineFleet)],
  ...['--control-api-address', local(ports.engineControl)],
];
const threePorts = (ports: Ports): readonly string[] => [
  ...['--serverappio-api-address', local(ports.engineServerApp)],
  ...separate(ports),
];
/** Later releases install what an app asks for unless told otherwise. */
const KEEP = '--disable-runtime-dependency-installation';
const clientAppIo = (port: number): readonly string[] => ['--clientappio-api-address', local(port)];

/** Newest first. 1.33 and 1.34 want a fourth port and are left out. */
const LAYOUTS: readonly (EngineLayout | { readonly from: number; readonly kind: undefined })[] = [
  {
    from: 40,
    kind: 'flower-http',
    nodePort: 'engineControl',
    superlink: (ports) => [KEEP, ...hostAndPort(ports.engineControl)],
    supernode: hostAndPort,
  },
  {
    from: 37,
    kind: 'flower-http',
    nodePort: 'engineFleet',
    superlink: (ports) => [
      ...[KEEP, ...hostAndPort(ports.engineControl)],
      ...['--fleet-api-address', local(ports.engineFleet)],
    ],
    supernode: hostAndPort,
  },
  {
    from: 35,
    kind: 'flower-grpc',
    nodePort: 'engineFleet',
    superlink: (ports) => [KEEP, ...hostAndPort(ports.engineServerApp), ...separate(ports)],
    supernode: hostAndPort,
  },
  { from: 33, kind: undefined },
  {
    from: 32,
    kind: 'flower-grpc',
    nodePort: 'engineFleet',
    superlink: (ports) => [KEEP, ...threePorts(ports)],
    supernode: clientAppIo,
  },
  {
    from: 24,
    kind: 'flower-grpc',
    nodePort: 'engineFleet',
    superlink: threePorts,
    supernode: clientAppIo,
  },
];

export interface EngineRelease {
  /** For example "1.41.0". */
  readonly version: string;
  readonly layout: EngineLayout;
}

/** Reads `flower@RELEASE | none`; undefined for none. @throws INVALID_ARGUMENT DEV_ENGINE_UNKNOWN */
export function parseEngine(text: string): EngineRelease | undefined {
  if (text === 'none') return undefined;
  const [, version = '', minor] = /^flower@(1\.(\d{1,3})\.\d{1,3})$/.exec(text) ?? [];
  const layout = LAYOUTS.find(({ from }) => Number(minor) >= from);
  if (layout?.kind !== undefined) return { version, layout };
  throw new AppError('INVALID_ARGUMENT', 'DEV_ENGINE_UNKNOWN', 'That is no engine that can be started here.', {
    hint: `Use none, or flower@RELEASE with a release from 1.24 on but 1.33 and 1.34; tested: ${TESTED_RELEASES.join(', ')}.`,
  });
}
