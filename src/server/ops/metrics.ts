import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { METRICS, type Metrics } from '../../core/metrics.ts';

const PREFIX = 'fedctl_';
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const NANOSECONDS = 1e9;

export interface MetricsRegistry {
  readonly metrics: Metrics;
  /** Prometheus text, and its content type. */
  render(): Promise<{ contentType: string; text: string }>;
  close(): void;
}

/** A registry of its own: two servers in one process do not mix. */
export function createMetrics(): MetricsRegistry {
  const registry = new Registry();
  const instruments = new Map(
    Object.entries(METRICS).map(([name, row]) => [name, createInstrument(registry, name, row)]),
  );
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  registerProcess(registry, delay);
  return {
    metrics: {
      count: (name, labels) => (instruments.get(name) as Counter).inc({ ...labels }),
      observe: (name, labels, seconds) => (instruments.get(name) as Histogram).observe({ ...labels }, seconds),
      set: (name, labels, value) => (instruments.get(name) as Gauge).set({ ...labels }, value),
    },
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    close() {
      delay.disable();
      registry.clear();
    },
  };
}

type Row = (typeof METRICS)[keyof typeof METRICS];

function createInstrument(registry: Registry, name: string, { kind, labels, help }: Row): Counter | Gauge | Histogram {
  const base = { name: `${PREFIX}${name}`, help, labelNames: [...labels], registers: [registry] };
  if (kind === 'counter') return new Counter(base);
  return kind === 'gauge' ? new Gauge(base) : new Histogram({ ...base, buckets: BUCKETS });
}

function registerProcess(registry: Registry, delay: ReturnType<typeof monitorEventLoopDelay>): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  gauge('process_start_time_seconds', 'Start, seconds since 1970.', () => Date.now() / 1000 - process.uptime());
  gauge(`${PREFIX}event_loop_lag_max_seconds`, 'Longest delay of the event loop since the last scrape.', () => {
    const worst = delay.max / NANOSECONDS;
    delay.reset();
    return worst;
  });
}
