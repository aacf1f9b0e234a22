import type { ClientRequestArgs } from 'node:http';
import { Agent, type AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { addressIdentity } from './peer-identity.ts';
import { openTunnel, type Route } from './tunnel.ts';

/** An agent for https requests to one server by way of a proxy; a socket is handed out once its TLS stands. */
export function tunnelAgent(route: Route, options: AgentOptions): Agent {
  const agent = new Agent(options);
  const create = (_request: ClientRequestArgs, done?: (error: Error | null, socket: Duplex) => void) => {
    void connectThrough(route, options).then(
      (socket) => done?.(null, socket),
      (error: Error) => done?.(error, undefined as never),
    );
    return undefined;
  };
  return Object.assign(agent, { createConnection: create });
}

async function connectThrough(route: Route, options: AgentOptions): Promise<Duplex> {
  const socket = await openTunnel(route);
  const { host } = route.to;
  const { ca, secureContext, rejectUnauthorized = true, minVersion = 'TLSv1.2' } = options;
  const trust = { rejectUnauthorized, ...(secureContext ? { secureContext } : { ca, minVersion }) };
  return await new Promise((resolve, reject) => {
    const secured = connect({ socket, servername: host, ...trust, ...addressIdentity(host) }, () => resolve(secured));
    secured.once('error', (error) => {
      socket.destroy();
      reject(error);
    });
    secured.once('close', () => reject(new Error('closed during the TLS handshake')));
  });
}
