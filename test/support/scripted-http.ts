import { silentLogger } from '../../src/core/log.ts';
import type { Metrics } from '../../src/core/metrics.ts';
import type { Dispatch, Incoming } from '../../src/server/rpc/pipeline.ts';
import { flowerHttp } from '../../src/server/rpc/wire/flower-http.ts';
import { createCalls } from '../../src/server/transport/calls.ts';
import { createHttpCalls } from '../../src/server/transport/http-calls.ts';
import { createHttps } from '../../src/server/transport/https.ts';
import { testLimits } from './echo-server.ts';

/** What the pipeline does in a test: the transport knows nothing else of it. */
export type Behaviour = (incoming: Incoming<never>) => Promise<unknown>;

export interface ScriptedHttp {
  readonly port: number;
  behave: Behaviour;
  /** Errors that the transport told the log. */
  readonly logged: object[];
  /** Labels of the calls measured. */
  readonly measured: object[];
  inFlight(): number;
  stop(): Promise<void>;
}

/** No runs. */
export const EMPTY = { runs: [], nextCursor: '', now: 0 };

/** Behaves as the pipeline does with a logged-in caller. */
export async function known(incoming: Incoming<never>): Promise<unknown> {
  incoming.credentials();
  incoming.accepted(undefined);
  await incoming.input();
  return EMPTY;
}

/** Flower over plain HTTP, before a pipeline that does as it is told. */
export async function startScriptedHttp(behave: Behaviour): Promise<ScriptedHttp> {
  const [logged, measured]: [object[], object[]] = [[], []];
  let inFlight = 0;
  const limits = testLimits();
  const log = { ...silentLogger, error: (fields: object) => void logged.push(fields) };
  const metrics: Metrics = {
    count() {},
    observe: (_name, labels) => void measured.push(labels),
    set: (name, _labels, value) => {
      if (name === 'rpc_in_flight') inFlight = value;
    },
  };
  const dispatch = ((incoming: Incoming<never>) => ({
    requestId: 'ref-1',
    result: server.behave(incoming),
  })) as unknown as Dispatch;
  const calls = createHttpCalls({
    wires: [flowerHttp],
    calls: createCalls({ dispatch, limits, log, metrics }),
    limits,
  });
  const address = { host: '127.0.0.1', port: 0 };
  const https = createHttps({ certificates: undefined, ...address, routes: [], calls, limits, log: silentLogger });
  const server: ScriptedHttp = {
    port: await https.listen(),
    behave,
    logged,
    measured,
    inFlight: () => inFlight,
    stop: () => https.close(),
  };
  return server;
}
