import { readFileSync } from 'node:fs';
import type { Engine } from '../../core/engine.ts';
import type { Logger } from '../../core/log.ts';
import type { FlowerEndpoint } from '../../flower/control.ts';
import { type FlowerLink, fixedFlowerLink, openFlowerLink } from '../../flower/link.ts';
import type { FlowerOptions } from '../../flower/trust.ts';
import { createFlowerEngine } from './flower.ts';

/** How to reach one engine; `kind` picks the way. */
export interface EngineOptions {
  readonly kind: EngineKind;
  /** Engine name of the server's config, for messages. */
  readonly name: string;
  /** `host:port` of the Control API. */
  readonly address: string;
  /** PEM file of the CA of the engine's certificate; absent: the system's. */
  readonly caFile?: string;
  /** Plaintext: loopback or a private network only. */
  readonly insecure?: boolean;
  readonly log: Logger;
  /** "fedctl/1.2.3" */
  readonly userAgent?: string;
}
export type EngineKind = keyof typeof LINKS;

/** One line per kind of engine. */
const LINKS = {
  flower: openFlowerLink,
  'flower-grpc': (endpoint: FlowerEndpoint, options: FlowerOptions): FlowerLink =>
    fixedFlowerLink('grpc', endpoint, options),
  'flower-http': (endpoint: FlowerEndpoint, options: FlowerOptions): FlowerLink =>
    fixedFlowerLink('http', endpoint, options),
} as const;

/** Opens nothing on the wire yet: the first call connects. @throws Error when `caFile` can't be read */
export function openEngine(options: EngineOptions): Engine {
  const { kind, name, address, caFile, insecure = false, log, userAgent = 'fedctl' } = options;
  const rootCertificates = caFile === undefined ? undefined : readFileSync(caFile);
  // Patient: a SuperLink that restarts fails no submit as long as it is back within the time for a connection.
  const link = LINKS[kind]({ address, insecure, rootCertificates }, { userAgent, patient: true });
  return createFlowerEngine({ kind, name, link, log });
}

export { probeBorder } from './border.ts';
