import { type Clock, systemClock } from '../../core/clock.ts';
import type { Engine } from '../../core/engine.ts';
import type { Logger } from '../../core/log.ts';
import type { ComponentHealth, RunService, Service } from '../../core/services.ts';
import { tellCarried, verifyBundle } from './bundle.ts';
import { createEngineWatch, type EngineWatch } from './engine-watch.ts';
import { createLiveRuns } from './live.ts';
import { createLogPump } from './log-pump.ts';
import { readLog } from './log-reader.ts';
import type { RunParts, RunStores } from './parts.ts';
import { createReconciler, type Reconciler } from './reconcile.ts';
import { DEFAULT_RUN_SETTINGS, type RunSettings } from './settings.ts';
import { createSignals } from './signals.ts';
import { createSubmit, type ReachFailpoint } from './submit.ts';
import { createSweep } from './sweep.ts';

export interface RunServiceOptions {
  /** By the name that rows and configuration use. They are closed by whoever opened them, after the service has stopped. */
  readonly engines: ReadonlyMap<string, Engine>;
  /** Name of a federation's engine, or undefined where it has none. */
  readonly engineOf: (federation: string) => Promise<string | undefined>;
  readonly stores: RunStores;
  readonly log: Logger;
  readonly clock?: Clock;
  /** What differs from {@link DEFAULT_RUN_SETTINGS}. */
  readonly settings?: Partial<RunSettings>;
  /** For crash tests (security.md F-25). */
  readonly failpoint?: ReachFailpoint;
}

export interface RunParty {
  readonly runs: RunService;
  /** Its duties in the background: reconciler, status, logs, sweep. `stop` waits for submits under way. */
  readonly service: Service;
  /** One entry for each engine. */
  health(): Promise<readonly ComponentHealth[]>;
}

/** A run's life (design.md): submit, reconcile, status, logs, sweep. */
export function createRunService(options: RunServiceOptions): RunParty {
  const settings = { ...DEFAULT_RUN_SETTINGS, ...options.settings };
  const { engines, stores, log, clock = systemClock } = options;
  const parts: RunParts = { engines, stores, log, clock, settings, signals: createSignals() };
  const inFlight = new Set<string>();
  const reconcilers = new Map<string, Reconciler>();
  const watches = new Map<string, EngineWatch>();
  const live = createLiveRuns(parts, reconcilers);
  const pump = createLogPump({ ...parts, refresh: live.refresh });
  const sweep = createSweep(parts);
  for (const [name, engine] of engines) {
    const reconciler = createReconciler({ ...parts, name, engine, inFlight, follow: pump.follow });
    reconcilers.set(name, reconciler);
    watches.set(name, createEngineWatch({ ...parts, name, reconciler }));
  }
  const { submit, settled } = tracked(
    createSubmit({
      ...parts,
      engineOf: options.engineOf,
      failpoint: options.failpoint ?? (() => undefined),
      inFlight,
      contact: async (name) => await reconcilers.get(name)?.contact(),
      reconcile: async (name) => await reconcilers.get(name)?.reconcile(),
      onStarted(run) {
        // The answer goes out first: both begin with reads that would hold it up.
        setImmediate(() => {
          pump.follow(run);
          watches.get(run.engine)?.wake();
        });
      },
    }),
  );
  return {
    runs: {
      verifyBundle: async (content) => tellCarried(await verifyBundle(content), log),
      submit,
      stop: live.stop,
      current: live.current,
      logs: (run, offset, follow, signal) => readLog(parts, run, offset, follow, signal),
      offsetAfter: (run, engineTimestamp) => stores.logs.offsetAfter(run.key, engineTimestamp),
    },
    service: {
      async start() {
        sweep.start();
        await Promise.all([...watches.values()].map((watch) => watch.start()));
      },
      async stop() {
        await settled();
        await Promise.all([...[...watches.values()].map((watch) => watch.stop()), pump.stop(), sweep.stop()]);
      },
    },
    health: () => Promise.all([...engines].map(([name, engine]) => engineHealth(name, engine))),
  };
}

/** `submit`, and a way to wait until none is under way any more. */
function tracked(submit: RunService['submit']) {
  const running = new Set<Promise<unknown>>();
  return {
    submit: ((...call) => {
      const result = submit(...call);
      const done: Promise<unknown> = result.catch(() => undefined).finally(() => running.delete(done));
      running.add(done);
      return result;
    }) satisfies RunService['submit'] as RunService['submit'],
    async settled(): Promise<void> {
      await Promise.all(running);
    },
  };
}

async function engineHealth(name: string, engine: Engine): Promise<ComponentHealth> {
  try {
    await engine.probe();
    return { name: 'engine', ok: true, detail: '' };
  } catch {
    return { name: 'engine', ok: false, detail: `The engine "${name}" does not answer.` };
  }
}
