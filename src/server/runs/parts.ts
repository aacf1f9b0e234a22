import type { Clock } from '../../core/clock.ts';
import type { Engine } from '../../core/engine.ts';
import type { Logger } from '../../core/log.ts';
import type { BundleStore, LogStore, RunStore } from '../../core/runs.ts';
import type { MetaStore } from '../../core/sessions.ts';
import type { RunSettings } from './settings.ts';
import type { Signals } from './signals.ts';

export interface RunStores {
  readonly runs: RunStore;
  readonly bundles: BundleStore;
  readonly logs: LogStore;
  readonly meta: MetaStore;
}

/** What every part of a run's life works with. */
export interface RunParts {
  readonly engines: ReadonlyMap<string, Engine>;
  readonly stores: RunStores;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: RunSettings;
  readonly signals: Signals;
}
