import type { Logger } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { ServerConfig } from './config/types.ts';
import type { Dispatch } from './rpc/pipeline.ts';
import type { Wire } from './rpc/wire/binding.ts';
import { createCalls } from './transport/calls.ts';
import type { Certificates } from './transport/certificates.ts';
import { clientAddresses } from './transport/client-address.ts';
import { createFront, type Front } from './transport/front.ts';
import { createGrpcServer } from './transport/grpc.ts';
import { createHttpCalls } from './transport/http-calls.ts';
import { createHttps, type Https, type Route } from './transport/https.ts';

export interface ServingOptions {
  readonly config: Pick<ServerConfig, 'server' | 'limits'>;
  readonly certificates: Certificates | undefined;
  readonly wires: readonly Wire[];
  readonly routes: readonly Route[];
  readonly dispatch: Dispatch;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** The two ports. */
export interface Serving {
  readonly front: Front;
  readonly https: Https;
}

/**
 * One port for gRPC, one for HTTP; with TLS each hands the other what has come to the wrong one, so that a client of any
 * release works with either address. Operations and pages stay on the HTTPS port.
 */
export function createServing(options: ServingOptions): Serving {
  const { config, wires, routes, dispatch, ...rest } = options;
  const { limits, server } = config;
  const clientAddress = clientAddresses(server.trustedProxies);
  const calls = createCalls({ dispatch, limits, log: rest.log, metrics: rest.metrics });
  const front: Front = createFront({
    ...rest,
    ...server.grpcAddress,
    limits,
    server: createGrpcServer({ wires: wires.filter((wire) => !wire.http), calls, limits, clientAddress }),
    onHttp1: (socket) => https.take(socket),
  });
  const https: Https = createHttps({
    ...rest,
    ...server.httpsAddress,
    limits,
    routes,
    clientAddress,
    calls: createHttpCalls({ wires, calls, limits, clientAddress }),
    onHttp2: (socket) => front.take(socket),
  });
  return { front, https };
}
