import { type AppError, isAppError } from '../core/errors.ts';
import { detectFlower } from '../flower/detection.ts';
import { isFlowerFailure } from '../flower/failure.ts';
import type { GetServerInfoResponse } from '../gen/fedctl/v1/sessions.ts';
import { connect } from './channel.ts';
import type { Endpoint } from './endpoint.ts';
import { probe } from './probe.ts';
import { sentenceFor } from './probe-sentences.ts';
import { superlinkError } from './superlink/failures.ts';
import { callUnary } from './unary.ts';

/** What stands behind an address. */
export type ServerFound =
  | { readonly kind: 'fedctl'; readonly info: GetServerInfoResponse }
  | { readonly kind: 'superlink'; readonly transport: 'grpc' | 'http' };

export interface Identify {
  readonly endpoint: Endpoint;
  /** "fedctl/0.1.0" */
  readonly userAgent: string;
  /** Let a control plane look at the parts behind it, too. */
  readonly probeParts?: boolean;
}

/**
 * Finds out what kind of server stands there; no token is sent. Behind TLS a control plane says so itself, and of a SuperLink
 * it is found out what it speaks: a proxy may offer HTTP/2 for one that knows no gRPC. Without TLS it can't be a control plane.
 * @throws UNAVAILABLE with what is wrong with the connection; INTERNAL ANSWER_MALFORMED
 */
export async function identifyServer(request: Identify): Promise<ServerFound> {
  const { endpoint, userAgent } = request;
  if (endpoint.insecure) return { kind: 'superlink', transport: await detect(endpoint, userAgent) };
  const finding = await probe(endpoint);
  if (finding.kind === 'not-grpc') return { kind: 'superlink', transport: 'http' };
  if (finding.kind !== 'healthy') throw sentenceFor(finding, endpoint, undefined);
  const info = await askForInfo(request);
  if (info !== undefined) return { kind: 'fedctl', info };
  return { kind: 'superlink', transport: await detect(endpoint, userAgent) };
}

async function detect(endpoint: Endpoint, userAgent: string): Promise<'grpc' | 'http'> {
  try {
    return await detectFlower(endpoint, { userAgent });
  } catch (error) {
    if (!isFlowerFailure(error)) throw error;
    const finding = await probe(endpoint);
    if (finding.kind !== 'healthy') throw sentenceFor(finding, endpoint, error);
    throw await superlinkError(error, { endpoint, transport: 'grpc', loggedIn: false });
  }
}

/** Undefined where the server doesn't know fedctl's own calls. */
async function askForInfo({ endpoint, userAgent, probeParts = false }: Identify) {
  const client = connect(endpoint, { userAgent });
  try {
    return await callUnary(client, client.sessions.getServerInfo.bind(client.sessions), { probe: probeParts });
  } catch (error) {
    if (isAppError(error) && isUnknownCall(error)) return undefined;
    throw error;
  } finally {
    client.close();
  }
}

/** Of gRPC itself, or of a web server or proxy that speaks HTTP/2 and no gRPC. */
function isUnknownCall({ reason, message }: AppError): boolean {
  return ['NOT_A_CONTROL_PLANE', 'UNIMPLEMENTED'].includes(reason) || message.startsWith('Received HTTP status code ');
}
