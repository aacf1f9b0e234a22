import {
  type ChannelCredentials,
  type ChannelOptions,
  type ClientOptions,
  credentials,
  setLogger,
} from '@grpc/grpc-js';
import { isLoopback } from '../core/addresses.ts';
import { AppError } from '../core/errors.ts';
import { addressIdentity, type PeerIdentity } from '../core/peer-identity.ts';
import { channelThrough } from '../core/proxy.ts';
import { traceWithoutSecrets } from '../core/secret-text.ts';
import { trustedBy } from '../core/trust-roots.ts';
import { AccessClient } from '../gen/fedctl/v1/access.ts';
import { RunsClient } from '../gen/fedctl/v1/runs.ts';
import { SessionsClient } from '../gen/fedctl/v1/sessions.ts';
import { dialAddress, type Endpoint, splitAddress } from './endpoint.ts';
import { serviceConfig } from './retries.ts';

/** One connection to a control plane, with a stub per service. */
export interface Client {
  readonly endpoint: Endpoint;
  readonly sessions: SessionsClient;
  readonly runs: RunsClient;
  readonly access: AccessClient;
  /** The stub of another service, on the same connection. */
  stub<Stub>(service: StubClass<Stub>): Stub;
  close(): void;
}

/** A generated stub's constructor. */
export type StubClass<Stub> = new (
  address: string,
  security: ChannelCredentials,
  options?: Partial<ClientOptions>,
) => Stub;

/**
 * Opens a channel; nothing is sent before the first call.
 * @throws INVALID_ARGUMENT INSECURE_REFUSED for plaintext to anything but loopback.
 */
export function connect(endpoint: Endpoint, options: { userAgent: string }): Client {
  traceWithoutSecrets(setLogger);
  const destination = splitAddress(endpoint.address);
  const identity = endpoint.insecure ? undefined : addressIdentity(destination.host);
  const direct = channelSecurity(endpoint, identity);
  const proxied =
    endpoint.proxy === undefined || endpoint.insecure ? undefined : channelThrough(endpoint.proxy, destination, direct);
  const target = proxied ? proxied.target : `dns:${dialAddress(endpoint.address)}`;
  const security = proxied ? proxied.credentials : direct;
  const channel: ChannelOptions = {
    'grpc.service_config': serviceConfig,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.primary_user_agent': options.userAgent,
    // Which proxy there is was decided before (core/proxy.ts).
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    ...proxied?.options,
    ...(identity && { 'grpc.ssl_target_name_override': identity.servername }),
  };
  const sessions = new SessionsClient(target, security, channel);
  const shared = { ...channel, channelOverride: sessions.getChannel() };
  const stub = <Stub>(service: StubClass<Stub>) => new service(target, security, shared);
  const [runs, access] = [stub(RunsClient), stub(AccessClient)];
  return { endpoint, sessions, runs, access, stub, close: () => sessions.close() };
}

function channelSecurity(endpoint: Endpoint, identity: PeerIdentity | undefined): ChannelCredentials {
  if (!endpoint.insecure) {
    const roots = trustedBy(endpoint.rootCertificates, process.env);
    return credentials.createSsl(roots, null, null, identity && { checkServerIdentity: identity.checkServerIdentity });
  }
  if (isLoopback(splitAddress(endpoint.address).host)) return credentials.createInsecure();
  throw new AppError(
    'INVALID_ARGUMENT',
    'INSECURE_REFUSED',
    `${endpoint.address} is not on this machine, so it needs TLS.`,
    {
      hint: 'Remove "insecure = true" from the connection and set root-certificates.',
    },
  );
}
