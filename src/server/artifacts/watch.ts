import { AppError, isAppError } from '../../core/errors.ts';
import type { Run } from '../../core/runs.ts';
import type { DownloadOptions } from './downloads.ts';

/** How often a download makes sure that its session lives and its right stands, as log streams do (security.md AT-17). */
const RECHECK_MS = 1000;
/** How long it may go on while nobody can say. */
const UNDECIDED_MS = 60_000;

/** Calls `end` once the session is over or the right is gone. Returns how to stop watching. */
export function watchRight(
  { sessions, mayPull, clock }: Pick<DownloadOptions, 'sessions' | 'mayPull' | 'clock'>,
  { sessionId, run, end }: { sessionId: string; run: Run; end: (why: Error) => void },
): () => void {
  let decidedAt = clock.monotonic();
  let busy = false;
  const timer = setInterval(async () => {
    if (busy) return;
    busy = true;
    try {
      const { subject } = await sessions.assertAlive(sessionId);
      if (!(await mayPull(subject, run, { fresh: false }))) throw rightGone();
      decidedAt = clock.monotonic();
    } catch (error) {
      const isUndecided = isAppError(error) && error.code === 'UNAVAILABLE';
      if (isUndecided && clock.monotonic() - decidedAt < UNDECIDED_MS) return;
      end(error as Error);
    } finally {
      busy = false;
    }
  }, RECHECK_MS);
  return () => clearInterval(timer);
}

function rightGone(): AppError {
  return new AppError('PERMISSION_DENIED', 'NOT_PERMITTED', 'The right to pull was taken back during a download.');
}
