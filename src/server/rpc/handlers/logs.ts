import { isAppError } from '../../../core/errors.ts';
import { PULSE, PULSE_MS, pulsing } from '../../../core/pulse.ts';
import { isFinal } from '../../../core/runs.ts';
import type { Caller } from '../../../core/services.ts';
import { type Call, callerOf, runOf, type Services } from '../call.ts';
import { runNotFound } from '../decide.ts';
import type { LogMessage, LogsInput } from '../methods.ts';
import { askedOfRun } from '../targets.ts';
import { seen } from './runs.ts';

/** How often a stream makes sure that its session lives and its right stands (security.md AT-17). */
const RECHECK_MS = 1000;
/** How long a stream may go on while nobody can say whether its right still stands. Clients resume where it ended. */
const UNDECIDED_MS = 60_000;

/** Text as it is stored, an empty message at times while a run is silent, then one last message with the outcome once the run has finished and is drained. */
export async function* followLogs(services: Services, call: Call, input: LogsInput): AsyncGenerator<LogMessage> {
  const caller = callerOf(call);
  const run = runOf(call);
  const leave = services.streams.enter(caller.account.id);
  const guard = guardStream(services, call, caller);
  try {
    let end =
      'offset' in input.from ? input.from.offset : await services.runs.offsetAfter(run, input.from.engineTimestamp);
    const pieces = services.runs.logs(run, end, input.follow, guard.signal);
    for await (const piece of pulsing(pieces, services.facts.pulseMs ?? PULSE_MS)) {
      guard.assert();
      if (piece === PULSE) {
        yield silence(end);
        continue;
      }
      end = piece.nextOffset;
      yield { ...piece, finished: undefined };
    }
    guard.assert();
    const now = await services.runs.current(run.key);
    if (isFinal(now.status)) yield { text: '', nextOffset: end, engineTimestamp: 0, finished: seen(now, caller) };
  } catch (error) {
    guard.assert();
    throw error;
  } finally {
    guard.stop();
    leave();
  }
}

/** A message that changes nothing: the run is silent, the stream stands. */
const silence = (nextOffset: number): LogMessage => ({
  text: '',
  nextOffset,
  engineTimestamp: 0,
  finished: undefined,
  isPulse: true,
});

/** Ends a stream whose session has ended or whose right is gone: aborts `signal`, and `assert` then throws why. */
function guardStream(services: Services, call: Call, caller: Caller) {
  const ended = new AbortController();
  const run = runOf(call);
  let why: unknown;
  let busy = false;
  let decidedAt = services.clock.monotonic();
  const timer = setInterval(async () => {
    if (busy) return;
    busy = true;
    try {
      // A renewal since may have brought other groups.
      const { subject } = await services.sessions.assertAlive(caller.session.id);
      if (!(await services.checker.check(askedOfRun(subject, 'can_log', run, services)))) throw runNotFound();
      decidedAt = services.clock.monotonic();
    } catch (error) {
      // OpenFGA out of reach says nothing about the right: what was allowed goes on for a while.
      const isUndecided = isAppError(error) && error.code === 'UNAVAILABLE';
      if (isUndecided && services.clock.monotonic() - decidedAt < UNDECIDED_MS) return;
      why = error;
      ended.abort();
    } finally {
      busy = false;
    }
  }, RECHECK_MS);
  return {
    signal: AbortSignal.any([call.signal, ended.signal]),
    assert() {
      if (why) throw why;
    },
    stop: () => clearInterval(timer),
  };
}
