import type { Socket } from 'node:net';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import type { Logger } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { ServerConfig } from '../config/types.ts';
import type { Certificates } from './certificates.ts';
import type { GrpcServer } from './grpc.ts';
import { createListener } from './listener.ts';

export interface FrontOptions {
  /** Made with `grpcServerOptions(limits)`; never bound itself. */
  readonly server: Server & Partial<Pick<GrpcServer, 'endStreams'>>;
  /** Undefined: plaintext, on loopback only (the configuration sees to that). */
  readonly certificates: Certificates | undefined;
  readonly host: string;
  readonly port: number;
  readonly limits: ServerConfig['limits'];
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** Takes over connections that turn out to be HTTP/1.1; absent: they are refused. */
  readonly onHttp1?: (socket: Socket) => void;
}

/** The gRPC port: limits and TLS are ours, HTTP/2 and gRPC are grpc-js's. */
export interface Front {
  listen(): Promise<number>;
  /** An HTTP/2 connection from another port of ours. */
  take(socket: Socket): void;
  /** GOAWAY to everybody; streams are told to go on elsewhere, other calls may end within `graceMs`, then they are cut. */
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * TLS ends here, not in grpc-js: so a deadline holds for the handshake, a new certificate is for new connections while
 * old ones live on, and TLS versions are ours to choose. grpc-js gets the connection as if it were plaintext; since it
 * is a TLSSocket, `getAuthContext()` and peer addresses are right.
 */
export function createFront({ server, onHttp1, ...rest }: FrontOptions): Front {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const take = (socket: Socket) => injector.injectConnection(socket);
  const other = onHttp1 ? { onOther: onHttp1 } : {};
  const listener = createListener({ ...rest, ...other, name: 'grpc', protocol: 'h2', onSocket: take });
  return {
    listen: () => listener.listen(),
    take,
    drain(graceMs) {
      server.endStreams?.();
      injector.drain(graceMs);
      return listener.drain(graceMs);
    },
    async close() {
      await listener.close();
      injector.destroy();
    },
  };
}
