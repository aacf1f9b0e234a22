import { AppError } from '../core/errors.ts';
import type { Scalar } from '../gen/flwr/proto/transport.ts';

/** What `federation simulation-config` was told; undefined = leave it as it is. */
export interface SimulationFlags {
  readonly 'num-supernodes'?: number | undefined;
  readonly 'client-resources-num-cpus'?: number | undefined;
  readonly 'client-resources-num-gpus'?: string | undefined;
  readonly 'backend-name'?: string | undefined;
  readonly 'init-args-num-cpus'?: number | undefined;
  readonly 'init-args-num-gpus'?: number | undefined;
  readonly 'init-args-logging-level'?: string | undefined;
  readonly 'init-args-log-to-driver'?: 'true' | 'false' | undefined;
  readonly 'simulation-verbose'?: boolean | undefined;
}

/** Settings as Flower names them (facts 4.2). @throws INVALID_ARGUMENT USAGE where there is none, or a share is no number */
export function simulationSettings(flags: SimulationFlags): Record<string, Scalar> {
  const whole = (value: number | undefined) => (value === undefined ? undefined : { sint64: BigInt(value) });
  const text = (value: string | undefined) => (value === undefined ? undefined : { string: value });
  const bool = (value: boolean | undefined) => (value === undefined ? undefined : { bool: value });
  const driver = flags['init-args-log-to-driver'];
  const settings: Readonly<Record<string, Scalar | undefined>> = {
    'num-supernodes': whole(flags['num-supernodes']),
    'client-resources-num-cpus': whole(flags['client-resources-num-cpus']),
    'client-resources-num-gpus': share(flags['client-resources-num-gpus']),
    backend: text(flags['backend-name']),
    'init-args-num-cpus': whole(flags['init-args-num-cpus']),
    'init-args-num-gpus': whole(flags['init-args-num-gpus']),
    'init-args-logging-level': text(flags['init-args-logging-level']),
    'init-args-log-to-driver': bool(driver === undefined ? undefined : driver === 'true'),
    verbose: bool(flags['simulation-verbose']),
  };
  const told = Object.entries(settings).filter((entry): entry is [string, Scalar] => entry[1] !== undefined);
  if (told.length > 0) return Object.fromEntries(told);
  throw new AppError('INVALID_ARGUMENT', 'USAGE', 'Name at least one setting, for example --num-supernodes 10.', {
    hint: 'See: fedctl federation simulation-config --help',
  });
}

function share(text: string | undefined): Scalar | undefined {
  if (text === undefined) return undefined;
  if (/^[0-9]{1,6}(?:\.[0-9]{1,6})?$/.test(text)) return { double: Number(text) };
  throw new AppError('INVALID_ARGUMENT', 'USAGE', `--client-resources-num-gpus takes a number, not "${text}".`);
}
