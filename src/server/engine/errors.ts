import { AppError, type ErrorCode } from '../../core/errors.ts';
import type { FlowerFailure } from '../../flower/control.ts';
import { isFlowerFailure } from '../../flower/failure.ts';

/** With these a SuperLink says no; its sentence is for the person (flower/facts 1.2). */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'FAILED_PRECONDITION',
  'INVALID_ARGUMENT',
  'ALREADY_EXISTS',
  'NOT_FOUND',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
  'UNIMPLEMENTED',
]);

/** Numbers of Flower's own for what is missing or wrong (flower/facts section 7). */
const FLOWER = { runNotCreated: 14, runUnknown: 16, keyInvalid: 22, keyTaken: 23, nodeUnknown: 24, nodeNotOwned: 28 };

/** What a failed call of the engine "name" means for us; anything but a FlowerFailure goes through as it is. */
export function engineError(name: string, error: unknown): unknown {
  if (!isFlowerFailure(error)) return error;
  switch (error.kind) {
    case 'unreachable':
      return unreachable(name, error);
    case 'unavailable':
      return unavailable(name, error);
    case 'cancelled':
      return new AppError('CANCELLED', 'CANCELLED', 'The call was cancelled.', { cause: error });
    case 'invalid':
      return invalidAnswer(name, error);
    default:
      return refusal(name, error);
  }
}

function refusal(name: string, failure: FlowerFailure): AppError {
  const { code, flowerCode, text } = failure;
  if (code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED') return unavailable(name, failure);
  if (flowerCode !== FLOWER.runNotCreated && (code === undefined || !REFUSALS.has(code))) {
    return invalidAnswer(name, failure);
  }
  return new AppError('FAILED_PRECONDITION', 'ENGINE_REFUSED', text === '' ? 'The engine refused.' : text, {
    cause: failure,
  });
}

/** True where the engine knows the call and not the run. Older releases say so by the status alone. */
export function isRunUnknown(error: unknown): error is FlowerFailure {
  return isRefused(error) && error.code === 'NOT_FOUND' && [undefined, FLOWER.runUnknown].includes(error.flowerCode);
}

export function runUnknown(cause: unknown): AppError {
  return new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'The engine does not know this run.', { cause });
}

/** Why a SuperNode was not registered or unregistered, where it is about the node; texts as of flower/facts 1.2. */
export function nodeError(name: string, error: unknown): unknown {
  if (!isRefused(error)) return engineError(name, error);
  const { code, flowerCode, text } = error;
  if (flowerCode === FLOWER.keyTaken || text === 'Public key already in use') {
    return new AppError('FAILED_PRECONDITION', 'NODE_KEY_TAKEN', 'A SuperNode with this public key exists already.', {
      hint: 'Make a new key pair for each SuperNode.',
      cause: error,
    });
  }
  if (flowerCode === FLOWER.keyInvalid || text.startsWith('The provided public key is not')) {
    return new AppError('FAILED_PRECONDITION', 'NODE_KEY_INVALID', 'The engine does not accept this public key.', {
      hint: 'Make an ECDSA key on a NIST curve: ssh-keygen -t ecdsa -b 384',
      cause: error,
    });
  }
  const isUnknown = flowerCode === undefined ? code === 'NOT_FOUND' : NODE_GONE.includes(flowerCode);
  if (isUnknown) {
    return new AppError('NOT_FOUND', 'NODE_NOT_FOUND', 'The engine does not know this SuperNode.', { cause: error });
  }
  return engineError(name, error);
}

const NODE_GONE: readonly number[] = [FLOWER.nodeUnknown, FLOWER.nodeNotOwned];

/** Calls that came with a later release than the engine's. */
export function tooOld(name: string, cause: unknown): AppError {
  return new AppError('FAILED_PRECONDITION', 'ENGINE_TOO_OLD', `The engine "${name}" is too old for this.`, {
    hint: 'SuperNodes are managed from Flower 1.23 on.',
    cause,
  });
}

function isRefused(error: unknown): error is FlowerFailure {
  return isFlowerFailure(error) && error.kind === 'refused';
}

/** No connection could be made within the deadline: nothing was sent. */
function unreachable(name: string, cause: unknown): AppError {
  return new AppError('UNAVAILABLE', 'ENGINE_UNREACHABLE', `The engine "${name}" can't be reached.`, {
    hint: 'Try again in a moment; if it stays so, tell the administrator.',
    cause,
  });
}

function unavailable(name: string, cause: unknown): AppError {
  return new AppError('UNAVAILABLE', 'ENGINE_UNAVAILABLE', `The engine "${name}" does not answer.`, {
    hint: 'Try again in a moment.',
    cause,
  });
}

/** An answer that no SuperLink gives (security.md F-24); the details go to the log with the cause. */
export function invalidAnswer(name: string, cause: unknown): AppError {
  const text = `The engine "${name}" failed or gave an answer that makes no sense.`;
  return new AppError('INTERNAL', 'ENGINE_ANSWER_INVALID', text, { cause });
}
