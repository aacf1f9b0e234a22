import { silentLogger } from '../../../src/core/log.ts';
import { silentMetrics } from '../../../src/core/metrics.ts';
import type { MethodName } from '../../../src/server/rpc/methods.ts';
import type { Dispatch, Incoming } from '../../../src/server/rpc/pipeline.ts';
import { flowerHttp } from '../../../src/server/rpc/wire/flower-http.ts';
import { createCalls } from '../../../src/server/transport/calls.ts';
import { createHttpCalls } from '../../../src/server/transport/http-calls.ts';
import { createHttps } from '../../../src/server/transport/https.ts';
import { testLimits } from '../echo-server.ts';
import { FIXED_ANSWERS } from '../flower-wire/fixed-answers.ts';
import { toPlain } from '../flower-wire/plain.ts';
import { REFUSALS } from '../flower-wire/stage.ts';

/** What the pipeline was asked. */
export interface Asked {
  readonly method: MethodName;
  /** As `toPlain` writes it. */
  readonly input: unknown;
}

export interface HttpStage {
  readonly port: number;
  /** What the newest call asked; undefined where it did not get that far. */
  take(): Asked | undefined;
  stop(): Promise<void>;
}

const RENEWED = {
  accessToken: 'another-access-token',
  refreshToken: 'another-refresh-token',
  expiresIn: 600,
  sessionId: 'session-1',
  accountHandle: 'alice',
};

/** The real HTTP port, without TLS, before a pipeline that lets everybody in and always answers the same. */
export async function openHttpStage(): Promise<HttpStage> {
  let asked: Asked | undefined;
  const dispatch = ((incoming: Incoming<MethodName>) => ({
    requestId: 'ref-1',
    result: answer(incoming),
  })) as Dispatch;
  const limits = testLimits();
  const calls = createCalls({ dispatch, limits, log: silentLogger, metrics: silentMetrics });
  const https = createHttps({
    certificates: undefined,
    host: '127.0.0.1',
    port: 0,
    routes: [],
    calls: createHttpCalls({ wires: [flowerHttp], calls, limits }),
    limits,
    log: silentLogger,
  });
  return {
    port: await https.listen(),
    take() {
      const newest = asked;
      asked = undefined;
      return newest;
    },
    stop: () => https.close(),
  };

  async function answer(incoming: Incoming<MethodName>): Promise<unknown> {
    incoming.credentials();
    incoming.accepted(undefined);
    const input = (await incoming.input()) as { runId?: bigint; nodeId?: bigint };
    asked = { method: incoming.method, input: toPlain(input) };
    const refusal = REFUSALS.get(input.runId ?? input.nodeId ?? 0n);
    if (refusal) throw refusal;
    return incoming.method === 'session.renew' ? RENEWED : FIXED_ANSWERS[incoming.method]?.();
  }
}
