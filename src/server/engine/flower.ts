import type { Engine, EngineRun, EngineSubmit } from '../../core/engine.ts';
import { AppError } from '../../core/errors.ts';
import type { RunId } from '../../core/ids.ts';
import type { Logger } from '../../core/log.ts';
import { flowerFailure } from '../../flower/failure.ts';
import type { FlowerLink } from '../../flower/link.ts';
import { rpcs } from '../../flower/rpcs.ts';
import { fromWireRun } from '../../flower/runs.ts';
import { federationUnnamed, shapesOf } from '../../flower/shapes.ts';
import { engineCalls } from './calls.ts';
import { engineError, invalidAnswer, isRunUnknown, runUnknown } from './errors.ts';
import { engineNodes } from './nodes.ts';

/** Milliseconds. StartRun stays under the reconciler's 30 s, so that no submit is given up while it is under way. */
const DEADLINES = { prepare: 5_000, startRun: 20_000, unary: 10_000 } as const;

/**
 * StreamLogs sends what is more than 1 µs after the given time (flower/facts section 6); engine times have µs steps.
 * Half a step back asks for the next step too and never for the same one again.
 */
const HALF_STEP_SECONDS = 0.5e-6;

export interface FlowerEngineParts {
  readonly kind: string;
  /** Engine name of the server's config, for messages. */
  readonly name: string;
  readonly link: FlowerLink;
  readonly log: Logger;
}

/** A SuperLink as an engine: flwr 1.21 and later, over whatever its link finds. */
export function createFlowerEngine({ kind, name, link, log }: FlowerEngineParts): Engine {
  const calls = engineCalls(link);
  const failed = (error: unknown): never => {
    throw engineError(name, error);
  };
  const failedRun = (error: unknown): never => {
    throw isRunUnknown(error) ? runUnknown(error) : engineError(name, error);
  };

  async function startRun(submit: EngineSubmit, signal: AbortSignal): Promise<RunId> {
    const end = performance.now() + DEADLINES.startRun;
    const prepare = async () => {
      const family = await calls.family();
      const federation = await federationUnnamed(family, (rpc, request) => calls.call(rpc, request, DEADLINES.prepare));
      return { family, federation };
    };
    const { family, federation } = await inTime(prepare(), DEADLINES.prepare).catch(failed);
    const start = { ...submit, federation };
    const left = end - performance.now();
    const { runId } = await calls.call(shapesOf(family).startRun, start, left, signal).catch(failed);
    if (runId !== undefined && runId !== 0n) return runId;
    // An OK without a run id is how a SuperLink refuses a bundle (flower/facts section 5, "Server validation").
    throw new AppError('FAILED_PRECONDITION', 'ENGINE_REFUSED', 'The engine did not accept the app bundle.', {
      hint: 'Check that the app builds and runs with the Flower release of the engine.',
    });
  }

  async function stopRun(runId: RunId): Promise<void> {
    const { success } = await calls.call(rpcs.stopRun, { runId }, DEADLINES.unary).catch(failedRun);
    if (!success) throw new AppError('FAILED_PRECONDITION', 'ENGINE_REFUSED', 'The engine did not stop the run.');
  }

  async function listRuns(id?: RunId): Promise<readonly EngineRun[]> {
    const request = { runId: id, limit: undefined };
    const { runDict } = await calls.call(rpcs.listRuns, request, DEADLINES.unary).catch((error: unknown) => {
      if (id !== undefined && isRunUnknown(error)) return { runDict: new Map<bigint, never>() };
      throw engineError(name, error);
    });
    const runs: EngineRun[] = [];
    for (const wire of runDict.values()) {
      try {
        runs.push(fromWireRun(wire));
      } catch (error) {
        // One unreadable run must not hide the others; asked for alone, it is an error.
        log.warn({ engine: name, run: String((wire as { runId: bigint }).runId), err: error }, 'engine run unreadable');
        if (id !== undefined) throw invalidAnswer(name, error);
      }
    }
    return runs;
  }

  async function* streamLogs(runId: RunId, after: number, signal: AbortSignal) {
    const afterTimestamp = Math.max(0, after - HALF_STEP_SECONDS);
    try {
      for await (const message of calls.stream(rpcs.streamLogs, { runId, afterTimestamp }, signal)) {
        const { logOutput: text, latestTimestamp: timestamp } = message;
        if (!Number.isFinite(timestamp)) throw flowerFailure({ kind: 'invalid' });
        if (text !== '') yield { text, timestamp };
      }
    } catch (error) {
      failedRun(error);
    }
  }

  return {
    kind,
    startRun,
    stopRun,
    listRuns,
    streamLogs,
    ...engineNodes({ name, calls, log }),
    bundleFamily: () => calls.family().catch(() => undefined),
    // An id that no engine gives: proves a SuperLink behind the port and costs one indexed look-up.
    probe: async () => {
      await listRuns(1n);
    },
    close: async () => link.close(),
  };
}

/** What is asked before a start: late, it has sent nothing of the run. @throws FlowerFailure 'unreachable' */
async function inTime<T>(answer: Promise<T>, ms: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(flowerFailure({ kind: 'unreachable', code: 'DEADLINE_EXCEEDED' })), ms);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
