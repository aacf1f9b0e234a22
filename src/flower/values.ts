import { AppError } from '../core/errors.ts';
import type { RunConfig, Scalar } from '../core/runs.ts';
import { wireScalar } from '../core/scalars.ts';
import { type SettingKind, SIMULATION_FIELDS, simulationField } from '../core/simulation.ts';
import { plainText } from '../core/text.ts';
import type { SimulationConfig } from '../gen/flwr/proto/federation_config.ts';
import { ConfigRecord } from '../gen/flwr/proto/recorddict.ts';

/** Federation options as SuperLinks up to 1.27 take them: any keys (flower/facts section 6). */
export function toConfigRecord(config: RunConfig): ConfigRecord {
  const items = Object.entries(config).map(([key, value]) => ({ key, value: wireScalar(value) }));
  return ConfigRecord.fromPartial({ items });
}

/** Every field of the message has its kind. */
const KINDS: { readonly [K in keyof SimulationConfig]-?: SettingKind } = SIMULATION_FIELDS;

/**
 * Federation options as a SuperLink takes them from 1.28 on: SimulationConfig, keys with `-` and `.` as `_` (flower/facts 4.2).
 * @throws INVALID_ARGUMENT FEDERATION_CONFIG_INVALID
 */
export function toSimulationConfig(config: RunConfig): SimulationConfig | undefined {
  const entries = Object.entries(config);
  if (entries.length === 0) return undefined;
  const wire: Record<string, Scalar> = {};
  for (const [key, value] of entries) {
    const field = simulationField(key);
    if (field === undefined) throw badOption(key, 'is not known to the engine');
    wire[field] = optionValue(key, KINDS[field], value);
  }
  return wire as unknown as SimulationConfig;
}

function optionValue(key: string, type: SettingKind, value: Scalar): Scalar {
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
