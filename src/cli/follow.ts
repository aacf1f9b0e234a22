import type { RunId } from '../core/ids.ts';
import type { Run } from '../gen/fedctl/v1/runs.ts';
import type { Context } from './context.ts';
import type { Control } from './control.ts';
import { logSanitizer } from './text.ts';

export interface FollowedLog {
  /** Set once the run has finished. */
  readonly finished: Run | undefined;
  /** All text, where it was asked for as a document; else empty, for it has been printed. */
  readonly text: string;
}

/** Prints a run's log from its beginning; with `follow` until the run has finished. Lost connections are taken up again. */
export async function printLog(
  context: Context,
  control: Control,
  { runId, follow }: { runId: RunId; follow: boolean },
): Promise<FollowedLog> {
  const clean = logSanitizer(context.stdio.colour && !context.json);
  const pieces: string[] = [];
  let finished: Run | undefined;
  let away = false;
  const onLost = () => {
    if (!away) context.note('The connection was lost; trying to get it back.');
    away = true;
  };
  for await (const piece of control.remote.readLog({ runId, follow, signal: context.signal, onLost })) {
    finished = piece.finished;
    if (piece.text === '') continue;
    away = false;
    const text = clean(piece.text);
    if (context.json) pieces.push(text);
    else context.stdio.out(text);
    await context.stdio.drained();
  }
  return { finished, text: pieces.join('') };
}
