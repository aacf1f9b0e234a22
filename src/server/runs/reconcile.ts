import { randomUUID } from 'node:crypto';
import type { AuditRow } from '../../core/audit.ts';
import type { Engine, EngineRun } from '../../core/engine.ts';
import { isAppError } from '../../core/errors.ts';
import type { RunId } from '../../core/ids.ts';
import { isFinal, type Run } from '../../core/runs.ts';
import type { RunParts } from './parts.ts';
import { submitTopic } from './signals.ts';
import { reasonFor, updateFrom } from './status.ts';

/** Up to so many open runs are asked for one by one; beyond, one list of all is cheaper. */
const ONE_BY_ONE = 4;

export interface ReconcilerParts extends RunParts {
  readonly name: string;
  readonly engine: Engine;
  /** Keys whose engine call is under way in this process. */
  readonly inFlight: ReadonlySet<string>;
  /** Starts or goes on reading the run's log. */
  readonly follow: (run: Run) => void;
}

/** Keeps the rows of one engine and the engine's own list in step (design.md "A run's life"). */
export interface Reconciler {
  /** At the very first contact with an engine: records what it has already run, stopping nothing. */
  contact(): Promise<void>;
  /** The whole comparison; calls at the same time share one. */
  reconcile(): Promise<void>;
  /** Status of open runs only. Returns how many are open. */
  poll(): Promise<number>;
  /** One run as the engine has it now. */
  refresh(run: Run): Promise<Run>;
}

export function createReconciler(parts: ReconcilerParts): Reconciler {
  const { name, engine, stores, clock, settings, signals, inFlight } = parts;
  const log = parts.log.child({ engine: name });
  /** Engine ids that have a row: spares a look-up for each old run each time. */
  const known = new Set<RunId>();
  /** When this process first saw a row at `submitting`, on the monotonic clock. */
  const waitingSince = new Map<string, number>();
  let isContacted = false;
  let pass: Promise<void> | undefined;

  async function contact(): Promise<void> {
    if (isContacted) return;
    const mark = `engine-contact:${name}`;
    if ((await stores.meta.meta(mark)) === undefined) {
      const seen = await engine.listRuns();
      const strangers = await unknownOf(seen);
      // A row of ours from before the mark can only stand at `submitting`: what might be its run is left to the next pass.
      const ours = (await stores.runs.openRuns(name)).filter((run) => run.status === 'submitting');
      for (const run of strangers) if (!ours.some((row) => matches(row, run))) await quarantine(run, false);
      await stores.meta.initMeta(mark, String(clock.now()));
      log.info({ runs: strangers.length }, 'first contact with the engine');
    }
    isContacted = true;
  }

  function reconcile(): Promise<void> {
    pass ??= compare().finally(() => {
      pass = undefined;
    });
    return pass;
  }

  async function compare(): Promise<void> {
    await contact();
    // The engine first, then the rows: a row stands before its engine run, so a run without one is nobody's.
    const seen = await engine.listRuns();
    const open = await stores.runs.openRuns(name);
    const strangers = await unknownOf(seen);
    await adopt(open, strangers);
    for (const run of strangers) if (!known.has(run.id) && !isReserved(open, run)) await quarantine(run, true);
    await settle(open, seen);
  }

  async function unknownOf(seen: readonly EngineRun[]): Promise<EngineRun[]> {
    const strangers: EngineRun[] = [];
    for (const run of seen) {
      if (known.has(run.id)) continue;
      if ((await stores.runs.runById(run.id)) === undefined) strangers.push(run);
      else known.add(run.id);
    }
    return strangers;
  }

  /** Gives rows whose answer got lost their engine run, and gives up those that waited too long. */
  async function adopt(open: readonly Run[], strangers: readonly EngineRun[]): Promise<void> {
    const waiting = open.filter((run) => run.status === 'submitting' && !inFlight.has(run.key));
    for (const row of waiting) {
      const [first] = strangers
        .filter((run) => !known.has(run.id) && matches(row, run))
        .sort((a, b) => (a.pendingAt ?? 0) - (b.pendingAt ?? 0));
      if (first !== undefined) await attach(row, first);
      else await giveUpLate(row);
    }
    for (const key of waitingSince.keys()) if (!waiting.some((row) => row.key === key)) waitingSince.delete(key);
  }

  async function attach(row: Run, seen: EngineRun): Promise<void> {
    const run = await stores.runs.updateRun(row.key, { id: seen.id, status: 'pending', reason: reasonFor('pending') });
    // Given up by another process just now: the next pass finds the engine run without a row.
    if (run.id !== seen.id) return;
    known.add(seen.id);
    log.info({ run: String(seen.id), row: row.key }, 'submit with a lost answer found at the engine');
    changed(run);
    await apply(run, seen);
  }

  async function giveUpLate(row: Run): Promise<void> {
    const since = waitingSince.get(row.key);
    if (since === undefined) waitingSince.set(row.key, clock.monotonic());
    if (since === undefined || clock.monotonic() - since < settings.giveUpAfterMs) return;
    const reason = 'Not started: the engine never showed this run.';
    const run = await stores.runs.updateRun(row.key, { status: 'finished:failed', reason, finishedAt: clock.now() });
    await stores.logs.markDrained(row.key);
    log.warn({ row: row.key }, 'submit given up: the engine never showed the run');
    changed(run);
  }

  function matches(row: Run, seen: EngineRun): boolean {
    const isInTime = (seen.pendingAt ?? 0) >= row.createdAt - settings.clockToleranceMs;
    return row.bundleSha256 === seen.bundleSha256 && isInTime;
  }

  /** Might be the run of a submit whose answer this process is still waiting for. */
  function isReserved(open: readonly Run[], seen: EngineRun): boolean {
    return open.some((row) => row.status === 'submitting' && inFlight.has(row.key) && matches(row, seen));
  }

  async function quarantine(seen: EngineRun, stop: boolean): Promise<void> {
    const row = quarantinedRow(name, seen, clock.now(), stop);
    await stores.runs.insertRun(row, quarantineAudit(row, seen.id));
    known.add(seen.id);
    log.warn({ run: String(seen.id), stop }, 'engine run that nobody submitted here is quarantined');
  }

  /** Rows with an id: status, lost, repeated stops, logs. */
  async function settle(open: readonly Run[], seen: readonly EngineRun[]): Promise<void> {
    const byId = new Map(seen.map((run) => [run.id, run]));
    for (const row of open) {
      if (row.id === undefined && isFinal(row.status)) await stores.logs.markDrained(row.key);
      if (row.id === undefined) continue;
      const run = isFinal(row.status) ? row : await see(row, byId.get(row.id));
      await repeatStop(run);
      await followUp(run);
    }
  }

  /** `seen` as the list had it. A run started after the list was made is asked for itself before it counts as lost. */
  async function see(row: Run, seen: EngineRun | undefined): Promise<Run> {
    if (row.id === undefined) return row;
    const now = seen ?? (await engine.listRuns(row.id))[0];
    if (now !== undefined) return await apply(row, now);
    const run = await stores.runs.updateRun(row.key, {
      status: 'lost',
      reason: reasonFor('lost'),
      finishedAt: clock.now(),
    });
    log.error({ run: String(row.id) }, 'the engine lost a run');
    changed(run);
    return run;
  }

  async function apply(row: Run, seen: EngineRun): Promise<Run> {
    const update = updateFrom(row, seen);
    if (update === undefined) return row;
    const run = await stores.runs.updateRun(row.key, update);
    changed(run);
    return run;
  }

  async function repeatStop(run: Run): Promise<void> {
    if (run.id === undefined || run.stopRequestedAt === undefined || isFinal(run.status)) return;
    await engine.stopRun(run.id).catch((error: unknown) => {
      if (isAppError(error) && error.code === 'UNAVAILABLE') throw error;
      log.debug({ run: String(run.id), err: error }, 'the engine did not take a repeated stop');
    });
  }

  async function followUp(run: Run): Promise<void> {
    if (!run.quarantined && run.status !== 'lost') parts.follow(run);
    else if (isFinal(run.status)) {
      await stores.logs.markDrained(run.key);
      signals.notify(run.key);
    }
  }

  async function poll(): Promise<number> {
    const rows = (await stores.runs.openRuns(name)).filter((run) => run.id !== undefined && !isFinal(run.status));
    const list = rows.length > ONE_BY_ONE ? await engine.listRuns() : [];
    const byId = new Map(list.map((run) => [run.id, run]));
    for (const row of rows) if (row.id !== undefined) await followUp(await see(row, byId.get(row.id)));
    return rows.length;
  }

  function changed(run: Run): void {
    signals.notify(run.key);
    signals.notify(submitTopic(name, run.bundleSha256));
  }

  return { contact, reconcile, poll, refresh: (run) => see(run, undefined) };
}

function quarantinedRow(engine: string, seen: EngineRun, now: number, stop: boolean): Run {
  return {
    key: randomUUID(),
    id: seen.id,
    // With the empty account it makes the row unique: several processes may find the same run.
    requestId: `engine-run.${engine}.${seen.id}`,
    engine,
    federation: '',
    ownerAccountId: '',
    owner: '',
    ownerHandle: '',
    app: seen.app,
    appVersion: seen.appVersion,
    bundleSha256: seen.bundleSha256,
    status: seen.status,
    reason: stop ? 'Found at the engine without a submit; being stopped.' : 'Ran at the engine before this server did.',
    createdAt: seen.pendingAt ?? now,
    startingAt: seen.startingAt,
    runningAt: seen.runningAt,
    finishedAt: seen.finishedAt,
    quarantined: true,
    stopRequestedAt: stop && !isFinal(seen.status) ? now : undefined,
  };
}

function quarantineAudit(row: Run, id: RunId): AuditRow {
  return {
    requestId: row.requestId,
    at: row.createdAt,
    action: 'runs.quarantine',
    principal: '',
    accountId: '',
    sessionId: '',
    address: '',
    userAgent: '',
    object: `run:${id}`,
    right: '',
    decision: 'allow',
    reason: row.stopRequestedAt === undefined ? 'RAN_BEFORE_FIRST_CONTACT' : 'UNKNOWN_ENGINE_RUN',
    bundle: row.bundleSha256,
  };
}
