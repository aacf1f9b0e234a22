import { BinaryReader } from '@bufbuild/protobuf/wire';
import { AppError } from '../../../core/errors.ts';
import type { RunConfig, Scalar } from '../../../core/runs.ts';
import { scalarValue } from '../../../core/scalars.ts';
import { plainText } from '../../../core/text.ts';
import { SimulationConfig } from '../../../gen/flwr/proto/federation_config.ts';
import { ConfigRecord } from '../../../gen/flwr/proto/recorddict.ts';
import { fromSimulationConfig, isUsableKey } from './scalars.ts';

const OPTIONS_FIELD = 3;
const LENGTH_DELIMITED = 2;

/**
 * Field 3 of StartRunRequest: a ConfigRecord up to 1.27, a SimulationConfig from 1.28 on (flower facts, "Wire breaks").
 * Its own shape tells which, for every release: ConfigRecord has field 1 alone, and length-delimited; in SimulationConfig
 * field 1 is a number. @throws INVALID_ARGUMENT FEDERATION_CONFIG_INVALID
 */
export function federationOptions(request: Uint8Array): RunConfig {
  const options = fieldBytes(request, OPTIONS_FIELD);
  if (options.length === 0) return fromSimulationConfig(undefined);
  return isConfigRecord(options)
    ? fromConfigRecord(ConfigRecord.decode(options))
    : fromSimulationConfig(SimulationConfig.decode(options));
}

/** All occurrences of a message field, joined: that is how protobuf merges them. */
function fieldBytes(message: Uint8Array, field: number): Uint8Array {
  const reader = new BinaryReader(message);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === field && type === LENGTH_DELIMITED) found.push(reader.bytes());
    else reader.skip(type, number);
  }
  return Buffer.concat(found);
}

function isConfigRecord(options: Uint8Array): boolean {
  const [number, type] = new BinaryReader(options).tag();
  return number === 1 && type === LENGTH_DELIMITED;
}

function fromConfigRecord({ items }: ConfigRecord): RunConfig {
  const config: Record<string, Scalar> = Object.create(null);
  for (const { key, value } of items) {
    const scalar = scalarValue(value);
    if (scalar === undefined || !isUsableKey(key)) {
      throw new AppError(
        'INVALID_ARGUMENT',
        'FEDERATION_CONFIG_INVALID',
        `Federation option "${plainText(key)}" has no usable value.`,
      );
    }
    config[laterKey(key)] = scalar;
  }
  return config;
}

/** What 1.27 and earlier nest under `backend` are settings of their own since: `backend.init-args.num-cpus` is `init-args-num-cpus`. */
function laterKey(key: string): string {
  if (key === 'backend.name') return 'backend';
  return key.replace(/^backend\.([\w-]+)\.([\w-]+)$/, '$1-$2');
}
