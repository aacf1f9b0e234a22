import { AppError } from '../core/errors.ts';
import { parseRunId, type RunId } from '../core/ids.ts';
import type { Control } from './control.ts';

const MIN_PREFIX = 6;
/** From here on the text is taken for a whole id: uint64 has 20 digits at most, and nearly all ids have 19 or 20. */
const FULL_LENGTH = 19;

/** What RUN_ID may say. */
export type RunIdText =
  | { readonly kind: 'latest' }
  | { readonly kind: 'id'; readonly id: RunId }
  | { readonly kind: 'prefix'; readonly digits: string };

/** Reads RUN_ID. @throws INVALID_ARGUMENT RUN_ID_INVALID */
export function readRunId(text: string): RunIdText {
  if (text === 'latest') return { kind: 'latest' };
  const id = parseRunId(text);
  if (id === undefined) {
    const problem = /^[0-9]+$/.test(text) ? 'is larger than any run id' : 'is no run id';
    throw new AppError('INVALID_ARGUMENT', 'RUN_ID_INVALID', `"${text.slice(0, 40)}" ${problem}.`, {
      hint: 'Give the number that "fedctl ls" shows, its first 6 digits or more, or "latest".',
    });
  }
  if (text.length < MIN_PREFIX || text.length >= FULL_LENGTH) return { kind: 'id', id };
  return { kind: 'prefix', digits: text };
}

/**
 * The id that RUN_ID stands for on this connection.
 * @throws INVALID_ARGUMENT RUN_ID_INVALID, RUN_ID_AMBIGUOUS; NOT_FOUND RUN_NOT_FOUND
 */
export async function resolveRunId(text: string, control: Control): Promise<RunId> {
  const wanted = readRunId(text);
  if (wanted.kind === 'id') return wanted.id;
  const latest = wanted.kind === 'latest';
  const { runs } = await control.remote.listRuns({
    runIdPrefix: latest ? '' : wanted.digits,
    limit: latest ? 1 : 3,
    cursor: '',
    federation: '',
    mine: latest,
  });
  const ids = runs.map((run) => run.runId).filter((id) => id !== 0n);
  if (latest) return ids[0] ?? notFound('You have no run on this connection.');
  return chooseByPrefix(wanted.digits, ids);
}

/** The one id that starts with `digits`; one that is exactly `digits` wins. */
export function chooseByPrefix(digits: string, ids: readonly RunId[]): RunId {
  const matching = ids.filter((id) => String(id).startsWith(digits));
  const exact = matching.find((id) => String(id) === digits);
  if (exact !== undefined) return exact;
  if (matching.length > 1) {
    throw new AppError('INVALID_ARGUMENT', 'RUN_ID_AMBIGUOUS', `More than one run id starts with ${digits}.`, {
      hint: `Give more digits: ${matching.join(', ')}`,
    });
  }
  return matching[0] ?? notFound(`There is no run ${digits} that you may see.`);
}

function notFound(message: string): never {
  throw new AppError('NOT_FOUND', 'RUN_NOT_FOUND', message, { hint: 'See: fedctl ls' });
}
