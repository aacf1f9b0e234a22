import type { RunConfig, Scalar } from './runs.ts';

/** Flower's Scalar message (flower/facts 4.2), of which one field is set. */
export interface WireScalar {
  bool?: boolean | undefined;
  sint64?: bigint | undefined;
  uint64?: bigint | undefined;
  double?: number | undefined;
  string?: string | undefined;
  bytes?: Buffer | undefined;
}

const NONE: WireScalar = {
  bool: undefined,
  sint64: undefined,
  uint64: undefined,
  double: undefined,
  string: undefined,
  bytes: undefined,
};

/** In the field that flwr itself would send it in: integers as sint64. */
export function wireScalar(value: Scalar): WireScalar {
  switch (typeof value) {
    case 'boolean':
      return { ...NONE, bool: value };
    case 'bigint':
      return { ...NONE, sint64: value };
    case 'number':
      return { ...NONE, double: value };
    case 'string':
      return { ...NONE, string: value };
    default:
      return { ...NONE, bytes: Buffer.from(value) };
  }
}

export function wireConfig(config: RunConfig): { [key: string]: WireScalar } {
  const wire: { [key: string]: WireScalar } = Object.create(null);
  for (const [key, value] of Object.entries(config)) wire[key] = wireScalar(value);
  return wire;
}

/** Integers are bigint, floats number; undefined where no field is set, or one that is no scalar. */
export function scalarValue(wire: WireScalar | undefined): Scalar | undefined {
  return wire?.bool ?? wire?.sint64 ?? wire?.uint64 ?? wire?.double ?? wire?.string ?? wire?.bytes;
}
