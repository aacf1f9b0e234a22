/** What the server counts. Labels have few values each: methods, codes, names of parts; never ids or names of people. */
export const METRICS = {
  rpc_duration_seconds: {
    kind: 'histogram',
    labels: ['method', 'code'],
    help: 'Calls answered, by method and status.',
  },
  rpc_in_flight: { kind: 'gauge', labels: [], help: 'Calls being answered.' },
  access_decisions_total: { kind: 'counter', labels: ['decision'], help: 'Decisions: allow, deny, error.' },
  dependency_duration_seconds: {
    kind: 'histogram',
    labels: ['dependency', 'outcome'],
    help: 'Calls to OpenFGA; outcome ok or error.',
  },
  log_streams: { kind: 'gauge', labels: [], help: 'Open log streams.' },
  session_ends_total: { kind: 'counter', labels: ['why'], help: 'Sessions and refresh tokens refused or ended by us.' },
  connections: { kind: 'gauge', labels: ['listener'], help: 'Open connections.' },
  connections_refused_total: {
    kind: 'counter',
    labels: ['listener', 'why'],
    help: 'Connections dropped: total, address, handshake.',
  },
  certificate_days_left: { kind: 'gauge', labels: [], help: 'Days until the certificate in use expires.' },
  certificate_reload_failures_total: { kind: 'counter', labels: [], help: 'New certificates that could not be used.' },
} as const;

type Table = typeof METRICS;
type NameOf<K> = { [N in keyof Table]: Table[N]['kind'] extends K ? N : never }[keyof Table];
type LabelsOf<N extends keyof Table> = { readonly [L in Table[N]['labels'][number]]: string };

export interface Metrics {
  count<N extends NameOf<'counter'>>(name: N, labels: LabelsOf<N>): void;
  /** `seconds` is a duration. */
  observe<N extends NameOf<'histogram'>>(name: N, labels: LabelsOf<N>, seconds: number): void;
  set<N extends NameOf<'gauge'>>(name: N, labels: LabelsOf<N>, value: number): void;
}

export const silentMetrics: Metrics = { count() {}, observe() {}, set() {} };
