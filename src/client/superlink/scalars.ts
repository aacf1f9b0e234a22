import type { RunConfig, Scalar } from '../../core/runs.ts';
import type { Scalar as WireScalar } from '../../gen/flwr/proto/transport.ts';

/** A configuration as it stands in fedctl.v1 messages, in plain values. */
export function plainConfig(config: { readonly [key: string]: WireScalar }): RunConfig {
  const plain: Record<string, Scalar> = Object.create(null);
  for (const [key, value] of Object.entries(config)) {
    const scalar = value.bool ?? value.sint64 ?? value.uint64 ?? value.double ?? value.string ?? value.bytes;
    if (scalar !== undefined) plain[key] = scalar;
  }
  return plain;
}
