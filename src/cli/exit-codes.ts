import type { AppError, ErrorCode } from '../core/errors.ts';

/** What the shell learns (docs/errors.md). */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notLoggedIn: 3,
  notPermitted: 4,
  notFound: 5,
  unavailable: 6,
  runFailed: 10,
  runStopped: 11,
  interrupted: 130,
} as const;

const BY_CODE: Readonly<Partial<Record<ErrorCode, number>>> = {
  UNAUTHENTICATED: EXIT.notLoggedIn,
  PERMISSION_DENIED: EXIT.notPermitted,
  NOT_FOUND: EXIT.notFound,
  UNAVAILABLE: EXIT.unavailable,
  DEADLINE_EXCEEDED: EXIT.unavailable,
};

/** Reasons that say more than their code: how the command was typed. */
const USAGE_REASONS: readonly string[] = [
  'USAGE',
  'RUN_ID_INVALID',
  'RUN_ID_AMBIGUOUS',
  'TARGET_AMBIGUOUS',
  'CONNECTION_MISSING',
  'FLWR_VERSION_INVALID',
  'OVERRIDE_INVALID',
  'OVERRIDE_UNKNOWN_KEY',
  'APP_NAME_INVALID',
  'DEV_PORTS_INVALID',
  'ACTION_UNKNOWN',
  'ROLE_INVALID',
  'OBJECT_INVALID',
  'PRINCIPAL_INVALID',
  'FEDERATION_ID_INVALID',
  'ADDRESS_INVALID',
  'NODE_ID_INVALID',
  'GRANT_REFUSED',
  'SECRET_ON_COMMAND_LINE',
];

/** The exit code for a failure. */
export function exitCodeOf(error: AppError): number {
  if (USAGE_REASONS.includes(error.reason)) return EXIT.usage;
  return BY_CODE[error.code] ?? EXIT.failed;
}

/** The exit code for how a run ended: 0 completed, 11 stopped, 10 everything else. */
export function exitCodeOfRun(status: string): number {
  if (status === 'finished:completed') return EXIT.done;
  return status === 'finished:stopped' ? EXIT.runStopped : EXIT.runFailed;
}
