import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AppError, isAppError } from './errors.ts';
import { addressIdentity } from './peer-identity.ts';
import { authorityOf, type Destination, type ForwardProxy, proxyName } from './proxy.ts';
import { trustRoots } from './trust-roots.ts';

const TUNNEL_MS = 10_000;

export interface Route {
  readonly proxy: ForwardProxy;
  readonly to: Destination;
  /** For the proxy to answer, milliseconds; 10 s. */
  readonly timeoutMs?: number;
}

/**
 * A connection to a server through a proxy; the caller speaks TLS over it.
 * @throws UNAVAILABLE PROXY_UNREACHABLE, PROXY_UNTRUSTED, PROXY_LOGIN, PROXY_REFUSED, PROXY_NO_ROUTE, PROXY_FOREIGN
 */
export async function openTunnel(route: Route): Promise<Socket> {
  const { host, port } = route.proxy;
  const socket = connect({ host, port });
  try {
    await when(socket, 'connect', route);
    return await tunnelOver(socket, route);
  } catch (error) {
    socket.destroy();
    throw isAppError(error) ? error : broken(route, error);
  }
}

/** The same over a connection to the proxy that is there already. */
export async function tunnelOver(socket: Socket, route: Route): Promise<Socket> {
  const carrier = route.proxy.secure ? await secured(socket, route) : socket;
  const { response, head } = await ask(carrier, route);
  const status = response.statusCode ?? 0;
  if (status < 200 || status > 299) {
    carrier.destroy();
    throw refusal(route, status);
  }
  if (head.length > 0) carrier.unshift(head);
  return carrier;
}

async function secured(socket: Socket, route: Route): Promise<Socket> {
  const { host } = route.proxy;
  const carrier = connectTls({
    socket,
    servername: host,
    ca: trustRoots(process.env),
    rejectUnauthorized: true,
    ...addressIdentity(host),
  });
  try {
    await when(carrier, 'secureConnect', route);
    return carrier;
  } catch (error) {
    carrier.destroy();
    if (isAppError(error)) throw error;
    const text = `The proxy ${proxyName(route.proxy)} (${route.proxy.source}) can't be talked to by TLS.`;
    const hint =
      "Put the authority of the proxy's certificate into the machine's trust store, SSL_CERT_FILE or NODE_EXTRA_CA_CERTS; a proxy without TLS is written http://.";
    throw new AppError('UNAVAILABLE', 'PROXY_UNTRUSTED', text, { hint, cause: error });
  }
}

function ask(carrier: Socket, route: Route): Promise<{ response: IncomingMessage; head: Buffer }> {
  const { authorization } = route.proxy;
  const path = authorityOf(route.to);
  return new Promise((resolve, reject) => {
    const asked = request({
      method: 'CONNECT',
      path,
      headers: {
        host: path,
        ...(authorization === undefined ? {} : { 'proxy-authorization': authorization.reveal() }),
      },
      setDefaultHeaders: false,
      createConnection: () => carrier,
    });
    const late = setTimeout(() => asked.destroy(new Error('no answer in time')), route.timeoutMs ?? TUNNEL_MS);
    asked.once('close', () => clearTimeout(late));
    asked.once('connect', (response, _socket, head) => {
      clearTimeout(late);
      resolve({ response, head });
    });
    asked.once('error', (error) => reject(isParserError(error) ? foreign(route, error) : broken(route, error)));
    asked.end();
  });
}

function isParserError(error: Error): boolean {
  return String((error as NodeJS.ErrnoException).code).startsWith('HPE_');
}

function when(socket: Socket, event: 'connect' | 'secureConnect', { timeoutMs = TUNNEL_MS }: Route): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => socket.destroy(new Error('no connection in time')), timeoutMs);
    const settle = (done: () => void) => () => {
      clearTimeout(late);
      done();
    };
    socket.once(event, settle(resolve));
    socket.once('error', (error) => settle(() => reject(error))());
    socket.once(
      'close',
      settle(() => reject(new Error('closed'))),
    );
  });
}

function broken({ proxy }: Route, cause: unknown): AppError {
  const text = `The proxy ${proxyName(proxy)} (${proxy.source}) can't be reached.`;
  const hint = 'Correct it, or name the server in NO_PROXY where no proxy is needed.';
  return new AppError('UNAVAILABLE', 'PROXY_UNREACHABLE', text, { hint, cause });
}

function foreign({ proxy }: Route, cause: unknown): AppError {
  const text = `What answers at ${proxyName(proxy)} (${proxy.source}) is no HTTP proxy.`;
  const hint = 'Check its host, port and scheme: a proxy that wants TLS itself is written https://.';
  return new AppError('UNAVAILABLE', 'PROXY_FOREIGN', text, { hint, cause });
}

/** What the status of a refused CONNECT means. */
function refusal({ proxy, to }: Route, status: number): AppError {
  const name = `The proxy ${proxyName(proxy)}`;
  const place = authorityOf(to);
  if (status === 407) {
    const text = `${name} ${proxy.authorization ? 'does not accept the user name and password' : 'wants a user name and password'} of ${proxy.source}.`;
    const hint = `Write them into ${proxy.source} as http://USER:PASSWORD@HOST:PORT, special characters as %40 and the like.`;
    return new AppError('UNAVAILABLE', 'PROXY_LOGIN', text, { hint });
  }
  if ([500, 502, 503, 504].includes(status)) {
    const text = `${name} can't reach ${place} (status ${status}).`;
    const hint =
      'Check "address" of the connection, and that the server is running; NO_PROXY names servers that need no proxy.';
    return new AppError('UNAVAILABLE', 'PROXY_NO_ROUTE', text, { hint });
  }
  const text = `${name} does not let connections to ${place} through (status ${status}).`;
  const hint = `Ask its operator to allow CONNECT to ${place}, or let the control plane listen on port 443, which most proxies allow.`;
  return new AppError('UNAVAILABLE', 'PROXY_REFUSED', text, { hint });
}
