import { AppError } from '../../../../core/errors.ts';
import type { RunConfig, Scalar } from '../../../../core/runs.ts';
import { type SettingKind, SIMULATION_FIELDS, simulationKey } from '../../../../core/simulation.ts';
import { plainText } from '../../../../core/text.ts';

const WORDS = { integer: 'whole number', float: 'number', string: 'text', boolean: 'true or false' } as const;
type Word = (typeof WORDS)[SettingKind];

/** What Flower's simulation takes, under the keys that a person writes. */
const OPTIONS: Readonly<Record<string, Word>> = Object.fromEntries(
  Object.entries(SIMULATION_FIELDS).map(([field, kind]) => [simulationKey(field), WORDS[kind]]),
);

const MAX_UINT32 = 0xffff_ffffn;
const MAX_TEXT = 200;

/**
 * Simulation settings under one spelling of each key, so that a later one meets the earlier one. What is wrong here would
 * fail every run of the federation. @throws INVALID_ARGUMENT FEDERATION_CONFIG_INVALID
 */
export function simulationConfig(config: RunConfig): RunConfig {
  const checked: Record<string, Scalar> = Object.create(null);
  for (const [key, value] of Object.entries(config)) {
    const name = key.replace(/[._]/g, '-');
    const kind = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (kind === undefined) throw invalid(key, `is not one of ${Object.keys(OPTIONS).join(', ')}`);
    if (!fits(value, kind)) throw invalid(key, `must be ${kind === 'text' ? kind : `a ${kind}`}`);
    checked[name] = value;
  }
  if (Object.keys(checked).length > 0) return checked;
  throw new AppError('INVALID_ARGUMENT', 'FEDERATION_CONFIG_INVALID', 'There is no setting to change.', {
    hint: `Settings: ${Object.keys(OPTIONS).join(', ')}.`,
  });
}

function fits(value: Scalar, kind: Word): boolean {
  if (kind === 'whole number') return typeof value === 'bigint' && value >= 0n && value <= MAX_UINT32;
  if (kind === 'number') return (typeof value === 'bigint' || Number.isFinite(value)) && Number(value) >= 0;
  if (kind === 'text') return typeof value === 'string' && value.length <= MAX_TEXT;
  return typeof value === 'boolean';
}

function invalid(key: string, what: string): AppError {
  return new AppError(
    'INVALID_ARGUMENT',
    'FEDERATION_CONFIG_INVALID',
    `Federation option "${plainText(key)}" ${what}.`,
  );
}

/** `own` over what the federation sets. */
export function overSettings(settings: RunConfig, own: RunConfig): RunConfig {
  return Object.assign(Object.create(null), settings, own);
}
