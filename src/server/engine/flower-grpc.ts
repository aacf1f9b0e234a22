import {
  type CallOptions,
  type ClientReadableStream,
  type ClientUnaryCall,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { Engine, EngineRun, EngineSubmit } from '../../core/engine.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import type { RunId } from '../../core/ids.ts';
import type { Logger } from '../../core/log.ts';
import { ControlClient, type StartRunRequest, type StreamLogsResponse } from '../../gen/flwr/proto/control.ts';
import { type ChannelSettings, engineChannel } from './flower-channel.ts';
import { engineError, invalidAnswer, unreachable } from './flower-errors.ts';
import { fromWireRun, toSimulationConfig, toWireConfig } from './flower-wire.ts';

/** Milliseconds. StartRun stays under the reconciler's 30 s, so that no submit is given up while it is under way. */
const DEADLINES = { connect: 3_000, startRun: 20_000, unary: 10_000 } as const;

/**
 * StreamLogs sends what is more than 1 µs after the given time (facts section 6); engine times have µs steps.
 * Half a step back asks for the next step too and never for the same one again.
 */
const HALF_STEP_SECONDS = 0.5e-6;

export type FlowerGrpcOptions = ChannelSettings & {
  /** Engine name of the server's config, for messages. */
  readonly name: string;
  readonly log: Logger;
};

type Unary<Response> = (
  metadata: Metadata,
  options: Partial<CallOptions>,
  done: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

/** A SuperLink's Control API over gRPC: flwr 1.21 to 1.36 (facts section 0). */
export function openFlowerGrpc(options: FlowerGrpcOptions): Engine {
  const { name, address, log } = options;
  const channel = engineChannel(options);
  const client = new ControlClient(address, channel.credentials, channel.options);

  function connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      client.waitForReady(Date.now() + DEADLINES.connect, (error) =>
        error ? reject(unreachable(name, error)) : resolve(),
      );
    });
  }

  async function unary<Response>(send: Unary<Response>, deadlineMs: number, signal?: AbortSignal): Promise<Response> {
    await connected();
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const call = send(new Metadata(), { deadline: Date.now() + deadlineMs }, (error, response) => {
        signal?.removeEventListener('abort', cancel);
        if (error) reject(engineError(name, error));
        else resolve(response);
      });
      const cancel = () => call.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  async function startRun(submit: EngineSubmit, signal: AbortSignal): Promise<RunId> {
    const request = startRunRequest(submit);
    const { runId } = await unary<{ runId?: bigint | undefined }>(
      (metadata, call, done) => client.startRun(request, metadata, call, done),
      DEADLINES.startRun,
      signal,
    );
    if (runId !== undefined && runId !== 0n) return runId;
    // An OK without a run id is how a SuperLink refuses a bundle (facts section 5, "Server validation").
    throw new AppError('FAILED_PRECONDITION', 'ENGINE_REFUSED', 'The engine did not accept the app bundle.', {
      hint: 'Check that the app builds and runs with the Flower release of the engine.',
    });
  }

  async function stopRun(runId: RunId): Promise<void> {
    const { success } = await unary<{ success: boolean }>(
      (metadata, call, done) => client.stopRun({ runId }, metadata, call, done),
      DEADLINES.unary,
    );
    if (!success) throw new AppError('FAILED_PRECONDITION', 'ENGINE_REFUSED', 'The engine did not stop the run.');
  }

  async function listRuns(id?: RunId): Promise<readonly EngineRun[]> {
    const { runDict } = await unary<{ runDict: Map<bigint, Parameters<typeof fromWireRun>[0]> }>(
      (metadata, call, done) => client.listRuns({ runId: id, limit: undefined }, metadata, call, done),
      DEADLINES.unary,
    ).catch((error: unknown) => {
      if (isAppError(error) && error.code === 'NOT_FOUND' && id !== undefined) return { runDict: new Map() };
      throw error;
    });
    const runs: EngineRun[] = [];
    for (const wire of runDict.values()) {
      try {
        runs.push(fromWireRun(wire));
      } catch (error) {
        // One unreadable run must not hide the others; asked for alone, it is an error.
        log.warn({ engine: name, run: String(wire.runId), err: error }, 'engine run unreadable');
        if (id !== undefined) throw invalidAnswer(name, error);
      }
    }
    return runs;
  }

  async function* streamLogs(id: RunId, after: number, signal: AbortSignal) {
    await connected();
    signal.throwIfAborted();
    const afterTimestamp = Math.max(0, after - HALF_STEP_SECONDS);
    const call = client.streamLogs({ runId: id, afterTimestamp });
    const cancel = () => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      yield* logMessages(name, call);
    } finally {
      signal.removeEventListener('abort', cancel);
      cancel();
    }
  }

  return {
    kind: 'flower-grpc',
    startRun,
    stopRun,
    listRuns,
    streamLogs,
    listNodes: notYet,
    registerNode: notYet,
    unregisterNode: notYet,
    bundleFamily: async () => undefined,
    // An id that no engine gives: proves a SuperLink behind the port and costs one indexed look-up.
    probe: async () => {
      await listRuns(1n);
    },
    close: async () => client.close(),
  };
}

async function notYet(): Promise<never> {
  throw new AppError('UNIMPLEMENTED', 'NOT_SERVED', 'This is not served yet.');
}

async function* logMessages(name: string, call: ClientReadableStream<StreamLogsResponse>) {
  let end: number | undefined;
  call.on('status', ({ code }) => {
    end = code;
  });
  try {
    for await (const message of call as AsyncIterable<StreamLogsResponse>) {
      if (!Number.isFinite(message.latestTimestamp)) throw invalidAnswer(name, 'log timestamp is no number');
      if (message.logOutput !== '') yield { text: message.logOutput, timestamp: message.latestTimestamp };
    }
  } catch (error) {
    throw isAppError(error) ? error : engineError(name, error);
  }
  // Only an OK says that this is the whole log; a stream that just closes has lost something.
  if (end !== status.OK)
    throw engineError(name, { code: status.UNAVAILABLE, details: 'stream ended without a status' });
}

function startRunRequest(submit: EngineSubmit): StartRunRequest {
  return {
    fab: { hashStr: submit.bundleSha256, content: Buffer.from(submit.bundle), verifications: {} },
    overrideConfig: toWireConfig(submit.runConfig),
    overrideFederationConfig: toSimulationConfig(submit.federationConfig),
    appSpec: '',
    federation: '',
    seriesId: undefined,
    connectorRefs: [],
    userPrompt: '',
    connectorIds: [],
  };
}
