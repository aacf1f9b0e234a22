import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { type ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js';

const MiB = 1024 * 1024;

/**
 * A short backoff: an engine that restarts is found again within a second (security.md F-21).
 * StreamLogs sends all that it has as one message (facts section 6), hence the large receive limit.
 */
const OPTIONS: ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.max_send_message_length': 16 * MiB,
  'grpc.max_receive_message_length': 256 * MiB,
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.enable_retries': 0,
  // Each engine has its own connection: a broken one harms no other.
  'grpc.use_local_subchannel_pool': 1,
  // Whoever reaches the engine rules it: straight to the configured address, whatever the environment says of proxies.
  'grpc.enable_http_proxy': 0,
};

export interface ChannelSettings {
  /** `host:port` of the Control API. */
  readonly address: string;
  /** PEM file of the CA of the engine's certificate; absent: the system's. */
  readonly caFile?: string;
  /** Plaintext: loopback or a private network only. */
  readonly insecure?: boolean;
}

/** Credentials and options of the channel to a SuperLink. @throws Error when `caFile` can't be read */
export function engineChannel(settings: ChannelSettings): { credentials: ChannelCredentials; options: ChannelOptions } {
  const { address, caFile, insecure } = settings;
  if (insecure) return { credentials: credentials.createInsecure(), options: OPTIONS };
  const roots = caFile === undefined ? null : readFileSync(caFile);
  const host = address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  if (isIP(host) === 0) return { credentials: credentials.createSsl(roots), options: OPTIONS };
  // An IP address can't be a TLS server name (RFC 6066, 3): another name is sent, and the address itself is verified.
  const verify = (_name: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate);
  return {
    credentials: credentials.createSsl(roots, null, null, { checkServerIdentity: verify }),
    options: { ...OPTIONS, 'grpc.ssl_target_name_override': 'localhost' },
  };
}
