import type { Engine } from '../../core/engine.ts';
import { type FlowerGrpcOptions, openFlowerGrpc } from './flower-grpc.ts';

/** How to reach one engine; `kind` picks the adapter. */
export type EngineOptions = FlowerGrpcOptions & { readonly kind: EngineKind };
export type EngineKind = keyof typeof ENGINES;

/** One line per kind of engine. */
const ENGINES = {
  'flower-grpc': openFlowerGrpc,
} as const;

/** Opens nothing on the wire yet: the first call connects. @throws Error when `caFile` can't be read */
export function openEngine(options: EngineOptions): Engine {
  return ENGINES[options.kind](options);
}

export { probeBorder } from './border.ts';
