import { BlockList, isIP, type Socket } from 'node:net';
import { isLoopback } from './addresses.ts';
import { AppError } from './errors.ts';
import { Secret } from './secret.ts';

/** A forward proxy that TLS connections go through, by HTTP CONNECT (RFC 9110, 9.3.6). */
export interface ForwardProxy {
  /** TLS to the proxy itself; what goes to the server is encrypted end to end in any case. */
  readonly secure: boolean;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** Value of Proxy-Authorization, where the URL has a user name. */
  readonly authorization: Secret | undefined;
  /** Where it is set, for sentences: "HTTPS_PROXY". */
  readonly source: string;
}

/** A server, without brackets around an IPv6 address. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** In this order; the first one that is not empty counts, as for curl. */
const VARIABLES = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'] as const;

/**
 * The proxy that the environment names for a TLS connection to a server; undefined = straight there, as always to this machine itself.
 * @throws INVALID_ARGUMENT PROXY_INVALID
 */
export function proxyFor(to: Destination, env: Environment): ForwardProxy | undefined {
  const source = VARIABLES.find((name) => Boolean(env[name]?.trim()));
  if (source === undefined || isLoopback(to.host) || isExempt(to, env.no_proxy || env.NO_PROXY || '')) return undefined;
  return parseProxy(env[source]?.trim() ?? '', source);
}

/**
 * Reads `http://user:password@host:port`; without a scheme it is http.
 * @param login "user:password", where it stands somewhere else
 * @param source what the error names: the variable or setting
 * @throws INVALID_ARGUMENT PROXY_INVALID; never with the text itself, as it may hold a password
 */
export function parseProxy(text: string, source: string, login?: Secret): ForwardProxy {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url === undefined || url.hostname === '' || !['http:', 'https:'].includes(url.protocol)) throw invalid(source);
  const secure = url.protocol === 'https:';
  return {
    secure,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || (secure ? 443 : 80)),
    authorization: login === undefined ? authorizationOf(url, source) : basic(login.reveal()),
    source,
  };
}

/** `http://host:port`, without user name and password. */
export function proxyName(proxy: ForwardProxy): string {
  return `${proxy.secure ? 'https' : 'http'}://${authorityOf(proxy)}`;
}

function authorizationOf({ username, password }: URL, source: string): Secret | undefined {
  if (username === '' && password === '') return undefined;
  try {
    return basic(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  } catch {
    throw invalid(source);
  }
}

const basic = (pair: string): Secret => new Secret(`Basic ${Buffer.from(pair).toString('base64')}`);

function invalid(source: string): AppError {
  return new AppError('INVALID_ARGUMENT', 'PROXY_INVALID', `${source} names no proxy that can be used.`, {
    hint: 'It must be a URL such as http://proxy.example.com:3128 or https://...; NO_PROXY names the servers that need none.',
  });
}

/** True where NO_PROXY names the server: `*`, a host with all below it, an address, a network (CIDR); each with a port or without. */
function isExempt(to: Destination, list: string): boolean {
  return list.split(/[\s,]+/).some((entry) => entry !== '' && matches(to, entry.toLowerCase()));
}

function matches({ host, port }: Destination, entry: string): boolean {
  if (entry === '*') return true;
  const name = host.toLowerCase().replace(/\.$/, '');
  if (entry.includes('/')) return isInNetwork(name, entry);
  const [wanted, wantedPort] = splitEntry(entry);
  if (wantedPort !== undefined && wantedPort !== port) return false;
  if (isIP(wanted) !== 0) return isIP(name) !== 0 && isInNetwork(name, `${wanted}/${isIP(wanted) === 6 ? 128 : 32}`);
  const suffix = wanted.replace(/^\*?\./, '').replace(/\.$/, '');
  return suffix !== '' && isIP(name) === 0 && (name === suffix || name.endsWith(`.${suffix}`));
}

function splitEntry(entry: string): [string, number | undefined] {
  if (isIP(entry) !== 0) return [entry, undefined];
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::([0-9]{1,5}))?$/.exec(entry);
  const host = match?.[1] ?? match?.[2] ?? '';
  return [host, match?.[3] === undefined ? undefined : Number(match[3])];
}

function isInNetwork(host: string, network: string): boolean {
  const [address = '', bits = ''] = network.split('/');
  const family = isIP(address);
  if (family === 0 || isIP(host) === 0 || !/^[0-9]{1,3}$/.test(bits)) return false;
  if (Number(bits) > (family === 6 ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4');
  return list.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
}

/** Credentials of grpc-js, as far as they are needed here; core knows no gRPC. */
interface Connecting {
  _createSecureConnector(...options: never[]): { connect(socket: Socket): Promise<unknown> };
  _equals(other: never): boolean;
}

/** What makes a channel of grpc-js go through a proxy. */
export interface ProxiedChannel<Credentials> {
  /** The proxy is dialled in place of the server, ... */
  readonly target: string;
  /** ... and TLS starts only once the tunnel to the server stands. */
  readonly credentials: Credentials;
  readonly options: { readonly 'grpc.default_authority': string; readonly 'grpc.ssl_target_name_override': string };
}

/**
 * A channel to `to` by way of a proxy: name and certificate are verified as if there were none. grpc-js has a way of its own
 * through proxies, but takes them from the environment alone, speaks no TLS to them and hides why they refuse.
 */
export function channelThrough<Credentials extends Connecting>(
  proxy: ForwardProxy,
  to: Destination,
  credentials: Credentials,
): ProxiedChannel<Credentials> {
  const create = credentials._createSecureConnector.bind(credentials);
  const through: Connecting = Object.create(credentials);
  through._createSecureConnector = (...options) => {
    const inner = create(...options);
    const connector = Object.create(inner);
    connector.connect = async (socket: Socket) => {
      const { tunnelOver } = await import('./tunnel.ts');
      return await inner.connect(await tunnelOver(socket, { proxy, to }));
    };
    return connector;
  };
  through._equals = (other) => (other as unknown) === through;
  return {
    target: `dns:${authorityOf(proxy)}`,
    credentials: through as Credentials,
    options: { 'grpc.default_authority': authorityOf(to), 'grpc.ssl_target_name_override': to.host },
  };
}

/** `host:port`, IPv6 in brackets. */
export function authorityOf({ host, port }: Destination): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
