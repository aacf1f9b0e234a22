import type { Clock } from '../../../core/clock.ts';
import type { Transport } from '../transport.ts';
import { issuerUnavailable } from './failures.ts';
import type { TrustOptions } from './types.ts';

/** Where a trusted issuer is asked; as its discovery document says (OIDC Discovery 1.0 section 4, RFC 8414). */
export interface Endpoints {
  /** @throws UNAVAILABLE TRUSTED_ISSUER_UNAVAILABLE, also where the issuer names no such endpoint */
  find(name: 'jwks_uri' | 'introspection_endpoint' | 'userinfo_endpoint'): Promise<string>;
}

type Metadata = Readonly<Record<string, unknown>>;

const MAX_AGE_MS = 3600_000;
const RETRY_MS = 1000;

type Issuer = Pick<TrustOptions, 'issuer' | 'endpointOrigins'>;

/** Where tokens and our client secret may be sent (security.md BC-08). */
export function ownOrigins({ issuer, endpointOrigins = [] }: Issuer): readonly string[] {
  return [new URL(issuer).origin, ...endpointOrigins];
}

export function createEndpoints(
  options: Issuer,
  { transport, clock }: { transport: Transport; clock: Clock },
): Endpoints {
  const { issuer } = options;
  const allowed = ownOrigins(options);
  let known: { metadata: Metadata; at: number } | undefined;
  let failed: { error: unknown; at: number } | undefined;
  let reading: Promise<Metadata> | undefined;

  async function read(): Promise<Metadata> {
    const at = clock.monotonic();
    try {
      const metadata = await readMetadata(issuer, transport);
      [known, failed] = [{ metadata, at }, undefined];
      return metadata;
    } catch (error) {
      failed = { error, at };
      throw issuerUnavailable(error);
    }
  }
  async function metadata(): Promise<Metadata> {
    const now = clock.monotonic();
    if (known && now - known.at < MAX_AGE_MS) return known.metadata;
    if (failed && now - failed.at < RETRY_MS) {
      if (known) return known.metadata;
      throw issuerUnavailable(failed.error);
    }
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading.catch((error) => {
      if (known) return known.metadata;
      throw error;
    });
  }

  return {
    async find(name) {
      const value = (await metadata())[name];
      if (typeof value !== 'string' || !URL.canParse(value)) throw issuerUnavailable(new Error(`metadata: no ${name}`));
      // Keys are public, wherever they are; the others are sent what must not be seen.
      if (name === 'jwks_uri' || allowed.includes(new URL(value).origin)) return value;
      throw issuerUnavailable(new Error(`metadata: ${name} is of an origin that endpoint-origins does not name`));
    },
  };
}

async function readMetadata(issuer: string, transport: Transport): Promise<Metadata> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const headers = { accept: 'application/json' };
  const response = await transport.fetch(url, { method: 'GET', headers, body: undefined, redirect: 'manual' });
  const metadata = response.status === 200 ? ((await response.json()) as unknown) : undefined;
  if (typeof metadata !== 'object' || metadata === null) throw new Error(`no metadata (status ${response.status})`);
  // To the letter: keys of somebody else would vouch for tokens of this issuer (security.md MD-01).
  if ((metadata as Metadata).issuer !== issuer) throw new Error('metadata: another issuer than the one configured');
  return metadata as Metadata;
}
