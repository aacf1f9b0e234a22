import { AppError, isAppError } from '../core/errors.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import type { Stdio } from './stdio.ts';
import { safeLine, safeText } from './text.ts';

/** How a failure is shown. */
export interface FailureStyle {
  readonly json: boolean;
  /** Also show stacks and causes. */
  readonly verbose: boolean;
  /** The command that was typed, for the way to its help: "admin grant". */
  readonly command?: string | undefined;
  /** The variable whose token went before any stored login: a login is no help then. */
  readonly tokenVariable?: string | undefined;
}

/** Parse errors of oclif carry `parse`; unknown commands and flags too are usage errors. */
interface OclifError extends Error {
  readonly oclif?: { readonly exit?: number };
  readonly parse?: unknown;
}

/** Any thrown value as an AppError: ours as it is, oclif's parse errors as USAGE, the rest as a bug. */
export function toFailure(thrown: unknown, command?: string): AppError {
  if (isAppError(thrown)) return thrown;
  const error = thrown as OclifError;
  if (error?.parse !== undefined || error?.oclif?.exit === EXIT.usage) {
    const [first = 'The command is not right.', ...rest] =
      error.message.split('\nSee more help with --help')[0]?.split('\n') ?? [];
    const detail = rest.map((line) => line.trim()).filter((line) => line !== '');
    const unknown = /^command (.{1,80}) not found$/.exec(first)?.[1];
    const text =
      unknown === undefined
        ? [first, ...detail].join('\n  ')
        : `There is no command "${unknown.replaceAll(':', ' ')}".`;
    const hint = command === undefined ? 'See: fedctl help' : `See: fedctl ${command} --help`;
    return new AppError('INVALID_ARGUMENT', 'USAGE', text, { hint, cause: thrown });
  }
  return new AppError('INTERNAL', 'BUG', 'fedctl has met an error that it does not know. That is a bug.', {
    hint: 'Run the command again with --verbose and report what it says.',
    cause: thrown,
  });
}

/** Writes a failure where it belongs and returns the exit code: a document on stdout with `json`, else sentences on stderr. */
export function renderFailure(thrown: unknown, style: FailureStyle, stdio: Stdio): number {
  const failure = withVariable(toFailure(thrown, style.command), style.tokenVariable);
  if (style.json) stdio.out(`${JSON.stringify(failureDocument(failure))}\n`);
  else stdio.err(failureText(failure));
  if (style.verbose) stdio.err(stackText(failure));
  return exitCodeOf(failure);
}

/** A refused token that came from the environment: the next step is there. */
function withVariable(failure: AppError, variable: string | undefined): AppError {
  if (variable === undefined || failure.code !== 'UNAUTHENTICATED') return failure;
  const { code, reason, message, cause } = failure;
  const hint = `${variable} is set, and its token goes before any login: bring a good one, or unset ${variable}.`;
  return new AppError(code, reason, message, { hint, cause });
}

/** flwr's keys `success` and `error-message`, and ours under `error`. */
export function failureDocument(failure: AppError) {
  const message = safeText(failure.message);
  return {
    success: false,
    'error-message': message,
    error: { code: failure.reason, message, hint: failure.hint === undefined ? null : safeText(failure.hint) },
  };
}

function failureText(failure: AppError): string {
  const hint = failure.hint === undefined ? '' : `${safeText(failure.hint)}\n`;
  return `Error: ${safeText(failure.message)}\n${hint}`;
}

/** Stacks of our own errors and of what caused them; never their properties, which may hold what a peer sent. */
function stackText(failure: AppError): string {
  const lines = [`${failure.code} ${safeLine(failure.reason)}`];
  let error: unknown = failure;
  for (let depth = 0; depth < 5 && error instanceof Error; depth += 1) {
    lines.push(safeText(error.stack ?? error.message));
    error = error.cause;
  }
  return `${lines.join('\n')}\n`;
}
