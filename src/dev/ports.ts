import { createServer } from 'node:net';
import { AppError } from '../core/errors.ts';

/** Ports of the stack, each at its offset from the base. */
export interface Ports {
  /** +0: the control plane, gRPC over TLS. */
  readonly grpc: number;
  /** +1: the control plane, HTTPS. */
  readonly https: number;
  /** +2: the dev identity provider. */
  readonly issuer: number;
  /** +3 and +4: OpenFGA over HTTP and gRPC. */
  readonly openfgaHttp: number;
  readonly openfgaGrpc: number;
  /** +5, +6, +7: the SuperLink's Control, Fleet and ServerAppIo APIs. */
  readonly engineControl: number;
  readonly engineFleet: number;
  readonly engineServerApp: number;
  /** +8 and +9: the ClientAppIo APIs of the two SuperNodes. */
  readonly clientApp0: number;
  readonly clientApp1: number;
}

export const DEFAULT_PORT_BASE = 9093;

const OFFSETS: Readonly<Record<keyof Ports, number>> = {
  grpc: 0,
  https: 1,
  issuer: 2,
  openfgaHttp: 3,
  openfgaGrpc: 4,
  engineControl: 5,
  engineFleet: 6,
  engineServerApp: 7,
  clientApp0: 8,
  clientApp1: 9,
};

const PORT_COUNT = Object.keys(OFFSETS).length;

/** The ports from `base` on. @throws INVALID_ARGUMENT DEV_PORTS_INVALID */
export function layOutPorts(base: number): Ports {
  if (!Number.isInteger(base) || base < 1024 || base + PORT_COUNT - 1 > 65_535) {
    throw new AppError(
      'INVALID_ARGUMENT',
      'DEV_PORTS_INVALID',
      `The port base is a number from 1024 to ${65_536 - PORT_COUNT}.`,
      {
        hint: `fedctl dev --ports ${DEFAULT_PORT_BASE}`,
      },
    );
  }
  return Object.fromEntries(Object.entries(OFFSETS).map(([name, offset]) => [name, base + offset])) as unknown as Ports;
}

/** Refuses where one of the ports is taken. @throws FAILED_PRECONDITION DEV_PORT_BUSY naming the port and the flag */
export async function assertPortsFree(ports: Ports): Promise<void> {
  for (const port of Object.values(ports)) {
    if (await isFree(port)) continue;
    throw new AppError(
      'FAILED_PRECONDITION',
      'DEV_PORT_BUSY',
      `Port ${port} on 127.0.0.1 is in use by another program.`,
      {
        hint: `Choose other ports: fedctl dev --ports ${port < 20_000 ? 20_000 : 30_000} takes ${PORT_COUNT} ports from there on.`,
      },
    );
  }
}

/** A base from which all ports are free at this moment; tried at random, so that parallel callers rarely meet. */
export async function findFreeBase(random: () => number = Math.random): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const base = 20_000 + Math.floor(random() * 1200) * PORT_COUNT;
    const free = await Promise.all(Object.values(layOutPorts(base)).map(isFree));
    if (free.every(Boolean)) return base;
  }
  throw new AppError('UNAVAILABLE', 'DEV_PORT_BUSY', 'No ten free ports in a row were found between 20000 and 32000.');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
