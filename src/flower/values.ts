import { AppError } from '../core/errors.ts';
import type { RunConfig, Scalar } from '../core/runs.ts';
import { plainText } from '../core/text.ts';
import type { SimulationConfig } from '../gen/flwr/proto/federation_config.ts';
import { ConfigRecord } from '../gen/flwr/proto/recorddict.ts';
import type { Scalar as WireScalar } from '../gen/flwr/proto/transport.ts';

const NO_SCALAR: WireScalar = {
  double: undefined,
  uint64: undefined,
  sint64: undefined,
  bool: undefined,
  string: undefined,
  bytes: undefined,
};

/** Field numbers by type as flwr itself sends them (flower/facts 4.2): integers as sint64. */
export function toWireScalar(value: Scalar): WireScalar {
  switch (typeof value) {
    case 'boolean':
      return { ...NO_SCALAR, bool: value };
    case 'bigint':
      return { ...NO_SCALAR, sint64: value };
    case 'number':
      return { ...NO_SCALAR, double: value };
    case 'string':
      return { ...NO_SCALAR, string: value };
    default:
      return { ...NO_SCALAR, bytes: Buffer.from(value) };
  }
}

export function toWireConfig(config: RunConfig): { [key: string]: WireScalar } {
  const wire: { [key: string]: WireScalar } = Object.create(null);
  for (const [key, value] of Object.entries(config)) wire[key] = toWireScalar(value);
  return wire;
}

/** Federation options as SuperLinks up to 1.27 take them: any keys (flower/facts section 6). */
export function toConfigRecord(config: RunConfig): ConfigRecord {
  const items = Object.entries(config).map(([key, value]) => ({ key, value: toWireScalar(value) }));
  return ConfigRecord.fromPartial({ items });
}

type Field = { readonly [K in keyof SimulationConfig]-?: 'integer' | 'float' | 'string' | 'boolean' };

const SIMULATION_FIELDS: Field = {
  numSupernodes: 'integer',
  clientResourcesNumCpus: 'integer',
  clientResourcesNumGpus: 'float',
  backend: 'string',
  verbose: 'boolean',
  initArgsNumCpus: 'integer',
  initArgsNumGpus: 'integer',
  initArgsLoggingLevel: 'string',
  initArgsLogToDriver: 'boolean',
};

/**
 * Federation options as a SuperLink takes them from 1.28 on: SimulationConfig, keys with `-` and `.` as `_` (flower/facts 4.2).
 * @throws INVALID_ARGUMENT FEDERATION_CONFIG_INVALID
 */
export function toSimulationConfig(config: RunConfig): SimulationConfig | undefined {
  const entries = Object.entries(config);
  if (entries.length === 0) return undefined;
  const wire: Record<string, Scalar> = {};
  for (const [key, value] of entries) {
    const name = key.replace(/[-._]+([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (!Object.hasOwn(SIMULATION_FIELDS, name)) throw badOption(key, 'is not known to the engine');
    wire[name] = optionValue(key, SIMULATION_FIELDS[name as keyof SimulationConfig], value);
  }
  return wire as unknown as SimulationConfig;
}

function optionValue(key: string, type: Field[keyof SimulationConfig], value: Scalar): Scalar {
  if (type === 'integer' && typeof value === 'bigint' && value >= 0n && value <= 0xffff_ffffn) return Number(value);
  if (type === 'float' && (typeof value === 'number' || typeof value === 'bigint')) return Number(value);
  if (type === 'string' && typeof value === 'string') return value;
  if (type === 'boolean' && typeof value === 'boolean') return value;
  throw badOption(key, `must be ${type === 'integer' ? 'a whole number from 0 on' : `a ${type}`}`);
}

function badOption(key: string, what: string): AppError {
  return new AppError(
    'INVALID_ARGUMENT',
    'FEDERATION_CONFIG_INVALID',
    `Federation option "${plainText(key)}" ${what}.`,
  );
}

/** Epoch ms of a time of Flower; "" and absent are "not yet". @throws Error for what is no time */
export function fromWireTime(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new Error(`unreadable time ${JSON.stringify(text.slice(0, 40))}`);
  return time;
}
