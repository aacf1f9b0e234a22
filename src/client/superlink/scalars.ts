import type { RunConfig, Scalar } from '../../core/runs.ts';
import { scalarValue, type WireScalar } from '../../core/scalars.ts';

/** A configuration as it stands in fedctl.v1 messages, in plain values. */
export function plainConfig(config: { readonly [key: string]: WireScalar }): RunConfig {
  const plain: Record<string, Scalar> = Object.create(null);
  for (const [key, value] of Object.entries(config)) {
    const scalar = scalarValue(value);
    if (scalar !== undefined) plain[key] = scalar;
  }
  return plain;
}
