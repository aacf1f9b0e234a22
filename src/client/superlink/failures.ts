import { AppError, type ErrorCode, isAppError } from '../../core/errors.ts';
import type { FlowerControl, FlowerFailure } from '../../flower/control.ts';
import { isFlowerFailure } from '../../flower/failure.ts';
import type { Endpoint } from '../endpoint.ts';
import { notLoggedIn } from '../login.ts';
import { probe } from '../probe.ts';
import { sentenceFor } from '../probe-sentences.ts';

/** What the codes of a SuperLink that said no mean here. */
const REFUSALS: Readonly<Partial<Record<ErrorCode, { reason: string; text: string; hint?: string }>>> = {
  UNAUTHENTICATED: {
    reason: 'LOGIN_REFUSED',
    text: 'The SuperLink does not accept this login any more.',
    hint: 'Run: fedctl login',
  },
  PERMISSION_DENIED: { reason: 'NOT_PERMITTED', text: 'The SuperLink does not permit this.' },
  NOT_FOUND: {
    reason: 'NOT_FOUND',
    text: 'The SuperLink does not know this.',
    hint: 'What the SuperLink has: fedctl ls, fedctl supernode ls, fedctl federation ls',
  },
  UNIMPLEMENTED: {
    reason: 'NOT_SERVED_HERE',
    text: 'The SuperLink does not do this.',
    hint: 'A fedctl control plane in front of it does: see "fedctl server --help".',
  },
  INTERNAL: {
    reason: 'SUPERLINK_FAILED',
    text: 'The SuperLink failed at this call.',
    hint: 'The log of the SuperLink says why.',
  },
};

/** Sentences with which Flower's releases say that they have no such call, or nobody to answer it: no use to a person. */
const EMPTY_REFUSALS = /^(?:method not found|the server does not implement|control ?servicer initialized|unknown run)/i;

/** Where a failed call went. */
export interface FailedAt {
  readonly endpoint: Endpoint;
  readonly transport: FlowerControl['transport'];
  /** The call carried tokens. */
  readonly loggedIn: boolean;
}

/** A failed call of a SuperLink as what a person is told. Looks at the connection where that may be the cause. */
export async function superlinkError(error: unknown, { endpoint, transport, loggedIn }: FailedAt): Promise<AppError> {
  if (isAppError(error)) return error;
  if (!isFlowerFailure(error)) throw error;
  if (error.kind === 'cancelled') return new AppError('CANCELLED', 'CANCELLED', 'The call was cancelled.');
  if (error.kind === 'invalid') return malformed(endpoint, transport, error);
  if (error.kind !== 'refused') return sentenceFor(await probe(endpoint, transport), endpoint, error);
  if (error.code === 'UNAUTHENTICATED' && !loggedIn) return endpoint.insecure ? loginNeedsTls(endpoint) : notLoggedIn();
  return refusal(error);
}

function refusal(failure: FlowerFailure): AppError {
  const { code = 'INTERNAL', text } = failure;
  const known = REFUSALS[code] ?? { reason: 'SUPERLINK_REFUSED', text: 'The SuperLink refused.' };
  // What a SuperLink says of a login it wants is made for its own log (flower/facts 1.2).
  const told = code !== 'UNAUTHENTICATED' && text !== '' && !EMPTY_REFUSALS.test(text);
  const hint = known.hint === undefined ? {} : { hint: known.hint };
  return new AppError(code, known.reason, told ? text : known.text, { ...hint, cause: failure });
}

function malformed(endpoint: Endpoint, transport: FailedAt['transport'], cause: unknown): AppError {
  if (transport === 'http') return sentenceFor({ kind: 'not-grpc' }, endpoint, cause);
  const text = `The server at ${endpoint.address} answered as no SuperLink does.`;
  return new AppError('INTERNAL', 'ANSWER_MALFORMED', text, { hint: '"fedctl doctor" tells what it is.', cause });
}

function loginNeedsTls({ address }: Endpoint): AppError {
  const text = `The server at ${address} wants a login, and the connection says "insecure = true".`;
  return new AppError('FAILED_PRECONDITION', 'INSECURE_REFUSED', text, {
    hint: 'Logins need TLS: remove "insecure" from the connection and set root-certificates.',
  });
}
