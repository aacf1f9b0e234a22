import { type Clock, systemClock } from '../../core/clock.ts';
import { isAppError } from '../../core/errors.ts';
import type { ComponentHealth } from '../../core/services.ts';

export interface Probe {
  readonly name: ComponentHealth['name'];
  /** Not ready while this one fails. */
  readonly essential: boolean;
  /** Resolves when all is well. The public text of an AppError is shown, any other error is not. */
  probe(signal: AbortSignal): Promise<void>;
}

export interface HealthReport {
  readonly ready: boolean;
  readonly components: readonly ComponentHealth[];
}

export interface Health {
  /** At most `cacheMs` old; callers at one time share one round of probes. */
  report(): Promise<HealthReport>;
  /** Not ready from now on: the server is stopping. */
  drain(): void;
}

export interface HealthOptions {
  readonly probes: readonly Probe[];
  readonly cacheMs?: number;
  readonly deadlineMs?: number;
  readonly clock?: Clock;
}

export function createHealth(options: HealthOptions): Health {
  const { probes, cacheMs = 5000, deadlineMs = 3000, clock = systemClock } = options;
  let round: { at: number; report: Promise<HealthReport> } | undefined;
  let draining = false;
  return {
    async report() {
      const now = clock.monotonic();
      if (!round || now - round.at >= cacheMs) round = { at: now, report: ask(probes, deadlineMs) };
      const report = await round.report;
      return draining ? { ...report, ready: false } : report;
    },
    drain() {
      draining = true;
    },
  };
}

async function ask(probes: readonly Probe[], deadlineMs: number): Promise<HealthReport> {
  const components = await Promise.all(probes.map((one) => askOne(one, deadlineMs)));
  const failed = new Set(components.filter(({ ok }) => !ok).map(({ name }) => name));
  return { ready: !probes.some(({ essential, name }) => essential && failed.has(name)), components };
}

async function askOne({ name, probe }: Probe, deadlineMs: number): Promise<ComponentHealth> {
  const signal = AbortSignal.timeout(deadlineMs);
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  try {
    await Promise.race([probe(signal), late]);
    return { name, ok: true, detail: '' };
  } catch (error) {
    const detail = isAppError(error) ? error.message : signal.aborted ? 'No answer in time.' : 'Does not work.';
    return { name, ok: false, detail };
  }
}
