import type { Endpoint } from '../client/endpoint.ts';
import type { Provider } from '../gen/fedctl/v1/sessions.ts';
import type { Context } from './context.ts';
import { openClient } from './control.ts';
import { type Finding, failed, ok, warn } from './finding.ts';
import { safeLine } from './text.ts';

/** Where people can log in on a control plane, and how. No token is sent. */
export async function checkProviders(context: Context, endpoint: Endpoint): Promise<Finding[]> {
  try {
    const { listProviders } = await import('../client/grants/index.ts');
    const providers = await listProviders(await openClient(context, endpoint));
    // An older server tells of none.
    return (providers ?? []).map(providerFinding);
  } catch (error) {
    return [failed('login-ways', error)];
  }
}

function providerFinding({ alias, issuer, grants }: Provider): Finding {
  const name = safeLine(`login-ways:${alias}`);
  if (grants.length > 0) return ok(name, `${issuer}: ${grants.join(', ')}`);
  const hint = "The server's operator looks at its metadata: fedctl server setup-idp";
  return warn(name, `${issuer} offers no way to log in`, hint);
}

/**
 * A control plane whose gRPC does not get through: what stands in front passes HTTP/1.1 only. Over that it answers as a
 * SuperLink does; its key set tells them apart.
 */
export async function checkBalancer(context: Context, endpoint: Endpoint): Promise<Finding[]> {
  const { getJson } = await import('../client/https-get.ts');
  const keys = await getJson(endpoint, '/.well-known/jwks.json', context.signal);
  if (!Array.isArray((keys as { keys?: unknown } | undefined)?.keys)) return [];
  return [
    warn(
      'balancer',
      `a fedctl control plane answers at ${endpoint.address}, but what stands in front of it passes no HTTP/2`,
      'Let its operator pass gRPC (ALPN h2): see templates/deploy/nginx-balancer.conf. Or use an address that leads to the control plane itself.',
    ),
  ];
}
