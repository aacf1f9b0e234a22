import type { Endpoint } from '../client/endpoint.ts';
import { isAppError } from '../core/errors.ts';
import type { GetServerInfoResponse } from '../gen/fedctl/v1/sessions.ts';
import type { Connection } from '../project/connections.ts';
import type { Context } from './context.ts';
import { endpointOf } from './control.ts';
import { checkBalancer, checkProviders } from './doctor-plane.ts';
import { roughTime } from './duration.ts';
import { type Finding, failed, ok, warn } from './finding.ts';
import { nameOf } from './link-view.ts';
import { identify, isNear, openSuperlinkAt } from './superlink.ts';
import { safeLine } from './text.ts';

const SKEW_WARN_MS = 30_000;
const DAY_MS = 86_400_000;
const EXPIRY_WARN_MS = 14 * DAY_MS;

export interface ServerSeen {
  readonly findings: readonly Finding[];
  /** Undefined where that could not be found out. */
  readonly wantsLogin: boolean | undefined;
}

/** Looks at TLS, at what kind of server answers, and at what that says of itself. No token is sent. */
export async function checkServer(context: Context, connection: Connection): Promise<ServerSeen> {
  let endpoint: Endpoint;
  try {
    endpoint = await endpointOf(connection, context.env);
  } catch (error) {
    return { findings: [failed('tls', error)], wantsLogin: undefined };
  }
  const tls = await checkTls(endpoint, connection, context.clock.now());
  if (tls.state === 'fail') return { findings: [tls], wantsLogin: undefined };
  const asked = context.clock.now();
  try {
    const found = await identify(context, endpoint, { probeParts: true });
    if (found.kind === 'fedctl') {
      const middle = (asked + context.clock.now()) / 2;
      const ways = await checkProviders(context, endpoint);
      return { findings: [tls, ...planeFindings(found.info, connection, middle), ...ways], wantsLogin: true };
    }
    const { findings, wantsLogin } = await checkSuperlink(context, {
      connection,
      endpoint,
      transport: found.transport,
    });
    return { findings: [tls, ...findings], wantsLogin };
  } catch (error) {
    return { findings: [tls, failed('server', error)], wantsLogin: undefined };
  }
}

async function checkTls(endpoint: Endpoint, connection: Connection, now: number): Promise<Finding> {
  if (endpoint.insecure) {
    if (isNear(connection))
      return ok('tls', 'none: plaintext, on this machine or a network of its own; no login is sent');
    const text = 'none: whoever is on the way can read and change all of it';
    return warn('tls', text, 'Remove "insecure = true" from the connection and set root-certificates.');
  }
  const { probe } = await import('../client/probe.ts');
  const { sentenceFor } = await import('../client/probe-sentences.ts');
  const finding = await probe(endpoint, 'http');
  if (finding.kind !== 'healthy') return failed('tls', sentenceFor(finding, endpoint, undefined));
  const left = (finding.expires ?? now + EXPIRY_WARN_MS) - now;
  if (left < EXPIRY_WARN_MS) {
    const text = `the server's certificate ends in ${roughTime(left / 1000)}`;
    return warn('tls', text, "Tell the server's operator.");
  }
  return ok('tls', `certificate trusted, good for ${roughTime(left / 1000)}`);
}

function planeFindings(info: GetServerInfoResponse, connection: Connection, middle: number): Finding[] {
  const federation = connection.federation ?? (info.defaultFederation || 'none by default');
  const server = ok('server', `fedctl ${info.version} at ${connection.address}, federation ${federation}`);
  const flwr = ok('flwr', `releases up to 1.36 use ${connection.address}; from 1.37 on ${httpsAddress(info)}`);
  return [server, flwr, clockFinding(Number(info.timeMs) - middle), ...components(info)];
}

/** `host:port` as flwr wants it in "address". */
function httpsAddress({ issuer }: GetServerInfoResponse): string {
  if (!URL.canParse(issuer)) return "the server's HTTPS port";
  const { hostname, port } = new URL(issuer);
  return `${hostname}:${port || '443'}`;
}

async function checkSuperlink(
  context: Context,
  place: { connection: Connection; endpoint: Endpoint; transport: 'grpc' | 'http' },
): Promise<ServerSeen> {
  const { connection, endpoint, transport } = place;
  const balancer = transport === 'http' && !endpoint.insecure ? await checkBalancer(context, endpoint) : [];
  try {
    const wantsLogin = await asksForLogin(context, place);
    return { findings: [...balancer, ...superlinkFindings(connection, transport, wantsLogin)], wantsLogin };
  } catch (error) {
    return { findings: [...balancer, failed('server', error)], wantsLogin: undefined };
  }
}

/** True where the SuperLink turns away who comes without a login. The question costs it one look-up. */
async function asksForLogin(
  context: Context,
  place: { connection: Connection; endpoint: Endpoint; transport: 'grpc' | 'http' },
): Promise<boolean> {
  const { remote } = await openSuperlinkAt(context, { ...place, login: undefined });
  try {
    await remote.listRuns({ runId: 1n, runIdPrefix: '', limit: 1, cursor: '', federation: '', mine: false });
    return false;
  } catch (error) {
    if (isAppError(error) && error.code === 'UNAUTHENTICATED') return true;
    if (isAppError(error) && error.code === 'NOT_FOUND') return false;
    throw error;
  }
}

function superlinkFindings(connection: Connection, transport: 'grpc' | 'http', wantsLogin: boolean): Finding[] {
  const login = wantsLogin ? "with Flower's login" : 'without a login';
  const releases = transport === 'grpc' ? '1.21 to 1.36' : 'from 1.37 on';
  return [
    ok('server', `Flower SuperLink over ${nameOf(transport)} at ${connection.address}, ${login}`),
    ok('flwr', `releases ${releases} use ${connection.address}`),
  ];
}

function clockFinding(skewMs: number): Finding {
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (Math.abs(skewMs) < SKEW_WARN_MS) return ok('clock', `within ${Math.max(1, seconds)} s of the server's`);
  const text = `${roughTime(seconds)} ${skewMs > 0 ? 'behind' : 'ahead of'} the server's`;
  return warn('clock', text, "Set this machine's clock, best by NTP.");
}

/** What "well" means where it is not that something answers. */
const WELL: Readonly<Record<string, string>> = { 'engine-border': 'no way past the server was found' };

function components(info: GetServerInfoResponse): Finding[] {
  return info.components.map(({ name, ok: well, detail }) => ({
    name: safeLine(name),
    state: well ? 'ok' : 'fail',
    text: well ? (WELL[name.replace(/:.*/s, '')] ?? 'reachable from the server') : safeLine(detail),
    hint: well ? undefined : "The server's operator finds the cause in the server log.",
  }));
}
