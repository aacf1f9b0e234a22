import { type ErrorCode, isAppError } from '../../core/errors.ts';
import type { HttpReply } from '../transport/https.ts';
import { html } from './html.ts';
import type { Pages } from './page.ts';

/** What a browser is told of each kind of failure (RFC 9110, section 15). No 401: there is nothing to authenticate with. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: 400,
  UNAUTHENTICATED: 400,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  FAILED_PRECONDITION: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  DEADLINE_EXCEEDED: 504,
  CANCELLED: 503,
  UNAVAILABLE: 503,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
};

const DEFAULT_RETRY_MS = 5000;

/** A failed call as a browser is told of it. */
export interface Problem {
  readonly status: number;
  readonly reason: string;
  readonly sentence: string;
  readonly hint: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** What may be told of `error`; of one that nobody foresaw, the reference alone. */
export function problemOf(error: unknown, reference: string): Problem {
  if (!isAppError(error)) {
    const sentence = `Something went wrong on the server (reference ${reference}).`;
    return { status: 500, reason: 'INTERNAL', sentence, hint: undefined, headers: {} };
  }
  const status = STATUS[error.code] ?? 500;
  const wait = Math.ceil((error.retryAfterMs ?? DEFAULT_RETRY_MS) / 1000);
  const headers: Record<string, string> = status === 429 || status === 503 ? { 'retry-after': String(wait) } : {};
  return { status, reason: error.reason, sentence: error.message, hint: error.hint, headers };
}

/** The page of a problem; `title` says what it was about. */
export function problemReply(
  pages: Pages,
  { problem, reference, title = 'That did not work' }: { problem: Problem; reference: string; title?: string },
): HttpReply {
  const page = {
    title,
    body: html`<p class="wrong" role="alert">${problem.sentence}</p>
${problem.hint === undefined ? undefined : html`<p>${problem.hint}</p>`}
${reference === '' ? undefined : html`<p class="soft">Reference: ${reference}</p>`}`,
  };
  return pages.reply(page, problem.status, problem.headers);
}
