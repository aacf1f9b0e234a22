import { AppError } from '../../../core/errors.ts';
import type { RunConfig, Scalar } from '../../../core/runs.ts';
import { scalarValue, type WireScalar } from '../../../core/scalars.ts';
import { SIMULATION_FIELDS, simulationField, simulationKey } from '../../../core/simulation.ts';
import type { SimulationConfig } from '../../../gen/flwr/proto/federation_config.ts';

const UNSAFE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** False for keys that mean something to JavaScript objects. */
export function isUsableKey(key: string): boolean {
  return !UNSAFE_KEYS.has(key);
}

/** Flower's scalar map as a run configuration; integers are bigint, floats number. @throws INVALID_ARGUMENT RUN_CONFIG_INVALID */
export function fromWireConfig(wire: { readonly [key: string]: WireScalar }): RunConfig {
  const config: Record<string, Scalar> = Object.create(null);
  for (const [key, scalar] of Object.entries(wire)) {
    const value = scalarValue(scalar);
    if (value === undefined || !isUsableKey(key)) {
      throw new AppError(
        'INVALID_ARGUMENT',
        'RUN_CONFIG_INVALID',
        'The run configuration holds a key without a usable value.',
      );
    }
    config[key] = value;
  }
  return config;
}

/** What flwr 1.28 and later sends as `--federation-config`, under the keys that a person writes. */
export function fromSimulationConfig(wire: SimulationConfig | undefined): RunConfig {
  const config: Record<string, Scalar> = Object.create(null);
  for (const [name, value] of Object.entries(wire ?? {}) as [string, Scalar | undefined][]) {
    if (value === undefined) continue;
    config[simulationKey(name)] =
      typeof value === 'number' && name !== 'clientResourcesNumGpus' ? BigInt(value) : value;
  }
  return config;
}

/** The other way; what has no place in Flower's message is left out. */
export function toSimulationConfig(config: RunConfig): SimulationConfig {
  const wire: Record<string, Scalar> = {};
  for (const [key, value] of Object.entries(config)) {
    const field = simulationField(key);
    if (field === undefined) continue;
    const kind = SIMULATION_FIELDS[field];
    const known = typeof value === 'bigint' ? Number(BigInt.asUintN(32, value)) : value;
    if (typeof known === (kind === 'integer' || kind === 'float' ? 'number' : kind)) wire[field] = known;
  }
  return wire as unknown as SimulationConfig;
}
