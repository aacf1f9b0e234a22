import type { Client } from '../client/channel.ts';
import type { Endpoint } from '../client/endpoint.ts';
import type { GetServerInfoResponse } from '../gen/fedctl/v1/sessions.ts';
import type { Connection } from '../project/connections.ts';
import type { Target } from '../project/target.ts';
import type { Context } from './context.ts';
import { endpointOf, findTarget, openClient } from './control.ts';
import { checkCredentials, checkFolder } from './doctor-files.ts';
import { roughTime } from './duration.ts';
import { type Finding, failed, ok, warn } from './finding.ts';
import { safeLine } from './text.ts';

const SKEW_WARN_MS = 60_000;
const DAY_MS = 86_400_000;
const EXPIRY_WARN_MS = 14 * DAY_MS;

/** Looks at everything between this machine and a run, from the near to the far; later checks need the earlier ones. */
export async function examine(context: Context, positionals: readonly (string | undefined)[]): Promise<Finding[]> {
  let target: Target;
  try {
    target = await findTarget(context, positionals);
  } catch (error) {
    return [failed('config', error)];
  }
  const { connection } = target;
  const config = ok('config', `connection "${connection.name}" of ${connection.file}: ${connection.address}`);
  const files = [...(await checkFolder(connection)), ...(await checkCredentials(connection))];
  return [config, ...files, ...(await checkServer(context, connection))];
}

async function checkServer(context: Context, connection: Connection): Promise<Finding[]> {
  let endpoint: Endpoint;
  let client: Client;
  try {
    endpoint = await endpointOf(connection);
    client = await openClient(context, endpoint);
  } catch (error) {
    return [failed('tls', error)];
  }
  const tls = await checkTls(endpoint, context.clock.now());
  if (tls.state === 'fail') return [tls];
  const { callUnary } = await import('../client/index.ts');
  const method = client.sessions.getServerInfo.bind(client.sessions);
  const asked = context.clock.now();
  try {
    const info = await callUnary(client, method, { probe: true });
    const middle = (asked + context.clock.now()) / 2;
    return [tls, serverFinding(info, connection), clockFinding(Number(info.timeMs) - middle), ...components(info)];
  } catch (error) {
    return [tls, failed('server', error)];
  }
}

async function checkTls(endpoint: Endpoint, now: number): Promise<Finding> {
  if (endpoint.insecure) {
    return warn(
      'tls',
      'the connection says "insecure = true"',
      'Logins need TLS: remove it and set root-certificates.',
    );
  }
  const { probe } = await import('../client/probe.ts');
  const { sentenceFor } = await import('../client/probe-sentences.ts');
  const finding = await probe(endpoint);
  if (finding.kind !== 'healthy') return failed('tls', sentenceFor(finding, endpoint, undefined));
  const left = (finding.expires ?? now + EXPIRY_WARN_MS) - now;
  if (left < EXPIRY_WARN_MS) {
    const text = `the server's certificate ends in ${roughTime(left / 1000)}`;
    return warn('tls', text, "Tell the server's operator.");
  }
  return ok('tls', `certificate trusted, good for ${roughTime(left / 1000)}`);
}

function serverFinding(info: GetServerInfoResponse, connection: Connection): Finding {
  const federation = connection.federation ?? (info.defaultFederation || 'none by default');
  return ok('server', `fedctl ${info.version} at ${connection.address}, federation ${federation}`);
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
