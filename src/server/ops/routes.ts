import { createHash, timingSafeEqual } from 'node:crypto';
import { isLoopback } from '../../core/addresses.ts';
import type { Secret } from '../../core/secret.ts';
import type { PublicKeys } from '../../core/services.ts';
import { type HttpReply, type HttpRequest, jsonReply, type Route } from '../transport/https.ts';
import type { Health } from './health.ts';
import type { MetricsRegistry } from './metrics.ts';

export interface OperationsParts {
  readonly health: Health;
  readonly keys: PublicKeys;
  readonly registry: MetricsRegistry;
  /** Issuer of our tokens: the public URL. */
  readonly issuer: string;
  /** What the metadata say of the token endpoint (RFC 8414 section 2). */
  readonly tokenEndpoint?: object;
  /** Undefined: scrapes from loopback addresses only. */
  readonly metricsToken: Secret | undefined;
}

/** Verifiers may keep our keys for so long (seconds); for a key id that they don't know they have to read again. */
const JWKS_MAX_AGE = 300;

/** What the HTTPS port answers to monitors and to verifiers of our tokens. */
export function operationRoutes(parts: OperationsParts): readonly Route[] {
  const { health, keys } = parts;
  const cached = { 'cache-control': `public, max-age=${JWKS_MAX_AGE}` };
  return [
    { method: 'GET', path: '/healthz', handle: () => jsonReply(200, { status: 'ok' }) },
    {
      method: 'GET',
      path: '/readyz',
      async handle() {
        const report = await health.report();
        return jsonReply(report.ready ? 200 : 503, report);
      },
    },
    {
      method: 'GET',
      path: '/.well-known/jwks.json',
      handle: async () => jsonReply(200, await keys.jwks(), { ...cached, 'content-type': 'application/jwk-set+json' }),
    },
    {
      // RFC 8414, as little of it as holds: verifiers find issuer and keys, programs the token endpoint.
      method: 'GET',
      path: '/.well-known/oauth-authorization-server',
      handle: () => jsonReply(200, metadataOf(parts), cached),
    },
    { method: 'GET', path: '/metrics', handle: (request) => scrape(parts, request) },
  ];
}

function metadataOf({ issuer, tokenEndpoint }: OperationsParts) {
  const base = issuer.replace(/\/$/, '');
  return {
    issuer,
    jwks_uri: `${base}/.well-known/jwks.json`,
    ...tokenEndpoint,
    response_types_supported: [],
  };
}

async function scrape({ registry, metricsToken }: OperationsParts, request: HttpRequest): Promise<HttpReply> {
  if (!mayScrape(request, metricsToken)) {
    return jsonReply(401, { error: 'unauthorized' }, { 'www-authenticate': 'Bearer' });
  }
  const { contentType, text } = await registry.render();
  return { status: 200, headers: { 'content-type': contentType }, body: text };
}

/** With a token: who shows it. Without: loopback, but no proxy there that speaks for others (security.md T-51). */
function mayScrape({ remoteAddress, headers }: HttpRequest, token: Secret | undefined): boolean {
  if (!token) return isLoopback(remoteAddress) && !headers['x-forwarded-for'] && !headers.forwarded;
  const shown = /^bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(shown), digest(token.reveal()));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
