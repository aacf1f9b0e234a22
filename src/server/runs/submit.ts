import { randomUUID } from 'node:crypto';
import type { AuditRow } from '../../core/audit.ts';
import type { Engine } from '../../core/engine.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import type { RunId } from '../../core/ids.ts';
import { isFinal, type Run } from '../../core/runs.ts';
import type { Caller, RunService, SubmitRequest, VerifiedBundle } from '../../core/services.ts';
import type { RunParts } from './parts.ts';
import { submitTopic } from './signals.ts';
import { reasonFor } from './status.ts';

/** Steps between which a crash is tried (security.md F-25). */
export type Failpoint =
  | 'submit.before-row'
  | 'submit.after-row'
  | 'submit.after-engine'
  | 'submit.after-id'
  | 'submit.before-answer';

/** Called between any two steps of submit; tests crash the process in it. */
export type ReachFailpoint = (name: Failpoint) => Promise<void> | void;

export interface SubmitParts extends RunParts {
  /** Engine of a federation, or undefined. */
  readonly engineOf: (federation: string) => Promise<string | undefined>;
  readonly failpoint: ReachFailpoint;
  /** Keys whose engine call is under way in this process: the reconciler leaves them alone. */
  readonly inFlight: Set<string>;
  /** Makes sure that runs older than our first contact with the engine are known. */
  readonly contact: (engine: string) => Promise<void>;
  readonly reconcile: (engine: string) => Promise<void>;
  readonly onStarted: (run: Run) => void;
}

type Request = Omit<SubmitRequest, 'bundle'>;

/** Row, engine, id, answer: design.md "A run's life". */
export function createSubmit(parts: SubmitParts): RunService['submit'] {
  const { stores, settings, signals, clock, failpoint, inFlight } = parts;

  return async function submit(caller, bundle, request, audit) {
    const { name, engine } = await findEngine(parts, request.federation);
    await failpoint('submit.before-row');
    const { run, existing } = await insertRow(() => newRow(caller, bundle, request, name, clock.now()), audit);
    if (existing) return await sameRun(run, bundle);
    inFlight.add(run.key);
    try {
      const id = await start(engine, run, bundle, request);
      return await keepId(engine, run, id);
    } finally {
      inFlight.delete(run.key);
      signals.notify(run.key);
      signals.notify(submitTopic(name, bundle.sha256));
    }
  };

  /** Waits while another submit of the same bundle is under way: its outcome could not be told from ours. */
  async function insertRow(row: () => Run, audit: AuditRow) {
    const end = clock.monotonic() + settings.outcomeWaitMs;
    for (;;) {
      const run = row();
      try {
        return await stores.runs.insertRun(run, audit);
      } catch (error) {
        if (!isAppError(error) || error.reason !== 'SUBMIT_IN_FLIGHT') throw error;
        if (clock.monotonic() >= end) throw busy(error);
      }
      await signals.wait(submitTopic(run.engine, run.bundleSha256), 100);
    }
  }

  /** The engine's id, by its answer or, where the answer got lost, by the reconciler. */
  async function start(engine: Engine, run: Run, bundle: VerifiedBundle, request: Request): Promise<RunId> {
    await failpoint('submit.after-row');
    let isSent = false;
    try {
      await stores.bundles.putBundle(bundle.sha256, bundle.content, clock.now());
      await parts.contact(run.engine);
      isSent = true;
      const { runConfig, federationConfig } = request;
      const submit = { bundle: bundle.content, bundleSha256: bundle.sha256, runConfig, federationConfig };
      return await engine.startRun(submit, new AbortController().signal);
    } catch (error) {
      if (isSent && !saysNotStarted(error)) return await lostAnswer(run, error);
      await fail(run, error);
      throw error;
    }
  }

  async function fail(run: Run, error: unknown): Promise<void> {
    const said = isAppError(error) ? error.message : 'The server failed before the engine was asked.';
    const reason = `Not started: ${said}`;
    await stores.runs.updateRun(run.key, { status: 'finished:failed', reason, finishedAt: clock.now() });
    await stores.logs.markDrained(run.key);
  }

  async function lostAnswer(run: Run, error: unknown): Promise<RunId> {
    parts.log.warn({ run: run.key, engine: run.engine, err: error }, 'outcome of a submit unknown');
    inFlight.delete(run.key);
    const found = await outcome(run);
    return found.id ?? unreachableId();
  }

  async function keepId(engine: Engine, run: Run, id: RunId): Promise<Run> {
    await failpoint('submit.after-engine');
    const change = { id, status: 'pending', reason: reasonFor('pending') } as const;
    const kept = await stores.runs.updateRun(run.key, change).catch(async (error: unknown) => {
      // The engine gave an id that it gave before (security.md F-23): never attach one person's run to another's row.
      if (isAppError(error) && error.reason === 'RUN_ID_TAKEN') await engine.stopRun(id).catch(() => undefined);
      await fail(run, error);
      throw error;
    });
    // Given up meanwhile (this process stood still for longer than that): the reconciler stops and quarantines the run.
    if (kept.id !== id) throw notStarted(kept);
    await failpoint('submit.after-id');
    await failpoint('submit.before-answer');
    parts.onStarted(kept);
    return kept;
  }

  async function sameRun(run: Run, bundle: VerifiedBundle): Promise<Run> {
    if (run.bundleSha256 !== bundle.sha256) {
      throw new AppError('ALREADY_EXISTS', 'REQUEST_ID_REUSED', 'This request id belongs to a run of another bundle.', {
        hint: 'Use a new request id for each new run.',
      });
    }
    return await outcome(run);
  }

  /** The row once it has an id. @throws UNAVAILABLE RUN_OUTCOME_UNKNOWN, FAILED_PRECONDITION RUN_NOT_STARTED */
  async function outcome(run: Run): Promise<Run> {
    const end = clock.monotonic() + settings.outcomeWaitMs;
    for (;;) {
      const row = (await stores.runs.runByKey(run.key)) ?? run;
      if (row.id !== undefined) return row;
      if (isFinal(row.status)) throw notStarted(row);
      if (clock.monotonic() >= end) throw outcomeUnknown();
      if (!inFlight.has(run.key)) await parts.reconcile(run.engine).catch(() => undefined);
      await signals.wait(run.key, settings.pollEveryMs);
    }
  }
}

async function findEngine(parts: SubmitParts, federation: string): Promise<{ name: string; engine: Engine }> {
  const name = await parts.engineOf(federation);
  const engine = name === undefined ? undefined : parts.engines.get(name);
  if (name !== undefined && engine !== undefined) return { name, engine };
  throw new AppError('FAILED_PRECONDITION', 'FEDERATION_WITHOUT_ENGINE', 'This federation has no engine to run on.', {
    hint: 'Ask the administrator to give it one in the server configuration.',
  });
}

function newRow(caller: Caller, bundle: VerifiedBundle, request: Request, engine: string, now: number): Run {
  return {
    key: randomUUID(),
    id: undefined,
    requestId: request.requestId,
    engine,
    federation: request.federation,
    ownerAccountId: caller.account.id,
    owner: caller.subject.principal,
    ownerHandle: caller.account.handle,
    app: bundle.app,
    appVersion: bundle.appVersion,
    bundleSha256: bundle.sha256,
    status: 'submitting',
    reason: reasonFor('submitting'),
    createdAt: now,
    startingAt: undefined,
    runningAt: undefined,
    finishedAt: undefined,
    quarantined: false,
    stopRequestedAt: undefined,
  };
}

/** True where the engine surely has no run: it said no, or nothing was sent. */
function saysNotStarted(error: unknown): boolean {
  if (!isAppError(error)) return false;
  return (
    error.reason === 'ENGINE_UNREACHABLE' || error.code === 'FAILED_PRECONDITION' || error.code === 'INVALID_ARGUMENT'
  );
}

function notStarted(run: Run): AppError {
  return new AppError('FAILED_PRECONDITION', 'RUN_NOT_STARTED', run.reason, {
    hint: 'Submit again with a new request id.',
  });
}

function outcomeUnknown(): AppError {
  return new AppError('UNAVAILABLE', 'RUN_OUTCOME_UNKNOWN', 'The engine did not say whether the run was started.', {
    hint: 'Repeat with the same request id: it gives the same run, never a second one.',
    retryAfterMs: 5_000,
  });
}

function busy(cause: unknown): AppError {
  return new AppError('UNAVAILABLE', 'SUBMIT_BUSY', 'The same app is being submitted right now.', {
    hint: 'Try again in a moment.',
    retryAfterMs: 2_000,
    cause,
  });
}

function unreachableId(): never {
  throw new Error('a run without an id can not come out of outcome()');
}
