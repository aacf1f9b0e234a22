import { Agent, get } from 'node:https';
import { addressIdentity } from '../core/peer-identity.ts';
import { trustedBy } from '../core/trust-roots.ts';
import { tunnelAgent } from '../core/tunnel-agent.ts';
import { type Endpoint, splitAddress } from './endpoint.ts';

const DEADLINE_MS = 4_000;
const MOST_BYTES = 64 * 1024;

/** A public document of an HTTPS server; undefined where there is none. No token is sent, no redirect followed. */
export async function getJson(endpoint: Endpoint, path: string, signal: AbortSignal): Promise<unknown> {
  const to = splitAddress(endpoint.address);
  const ca = trustedBy(endpoint.rootCertificates, process.env);
  const trust = { ca, rejectUnauthorized: true, ...addressIdentity(to.host) };
  const agent = endpoint.proxy ? tunnelAgent({ proxy: endpoint.proxy, to }, trust) : new Agent(trust);
  const both = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
  try {
    return await new Promise((resolve, reject) => {
      const request = get({ ...to, path, agent, signal: both }, async (response) => {
        const text = await textOf(response).catch(() => '');
        resolve(response.statusCode === 200 ? parsed(text) : undefined);
      });
      request.once('error', reject);
    });
  } catch {
    return undefined;
  } finally {
    agent.destroy();
  }
}

async function textOf(response: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > MOST_BYTES) throw new Error('too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
