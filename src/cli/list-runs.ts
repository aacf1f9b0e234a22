import { AppError } from '../core/errors.ts';
import type { ListRunsResponse } from '../gen/fedctl/v1/runs.ts';
import type { Control } from './control.ts';
import { resolveRunId } from './resolve-run.ts';
import { runDocument, runLines, runTable } from './run-view.ts';
import type { Stdio } from './stdio.ts';
import { safeLine } from './text.ts';

export interface ListInput {
  /** RUN_ID: one run in full. */
  readonly runId?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly mine: boolean;
}

export interface ListedRuns {
  readonly document: object;
  readonly lines: readonly string[];
  /** Empty on the last page. */
  readonly nextCursor: string;
}

/** A page of runs, or one run in full. @throws NOT_FOUND RUN_NOT_FOUND and what the server says */
export async function listRuns(control: Control, input: ListInput, stdio: Stdio): Promise<ListedRuns> {
  const page = await askRuns(control, input);
  const nextCursor = safeLine(page.nextCursor);
  const runs = page.runs.map((run) => runDocument(run, page.now));
  const document = { success: true, runs, 'next-cursor': nextCursor === '' ? null : nextCursor };
  if (input.runId !== undefined)
    return { document, lines: page.runs.flatMap((run) => runLines(run, page.now)), nextCursor };
  if (runs.length === 0) return { document, lines: ['No runs.'], nextCursor };
  const layout = { width: stdio.columns, unicode: stdio.unicode };
  return { document, lines: await runTable(page.runs, page.now, layout), nextCursor };
}

async function askRuns(control: Control, input: ListInput): Promise<ListRunsResponse> {
  const all = { runIdPrefix: '', limit: input.limit, cursor: input.cursor ?? '', federation: '', mine: input.mine };
  if (input.runId === undefined) return await control.remote.listRuns(all);
  const runId = await resolveRunId(input.runId, control);
  const page = await control.remote.listRuns({ ...all, runId, limit: 1 });
  if (page.runs.length > 0) return page;
  throw new AppError('NOT_FOUND', 'RUN_NOT_FOUND', `There is no run ${runId} that you may see.`, {
    hint: 'See: fedctl ls',
  });
}
