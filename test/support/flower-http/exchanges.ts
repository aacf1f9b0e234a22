import type { IncomingHttpHeaders } from 'node:http';
import type { Asked } from './stage.ts';

/** One call of a real client, and what it was answered. Bodies are hexadecimal. */
export interface Exchange extends Partial<Asked> {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly answer: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
}

const REQUEST_HEADERS = [
  ...['content-type', 'content-length', 'accept', 'accept-encoding', 'authorization', 'x-flwr-client'],
  ...['flwr-package-name', 'flwr-package-version', 'flwr-component-name'],
];
const ANSWER_HEADERS = [
  'content-type',
  'content-length',
  'transfer-encoding',
  'www-authenticate',
  'cache-control',
  'pragma',
];

/** The headers of a request that count. */
export function requestHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  return pick(headers, REQUEST_HEADERS);
}

/** The headers of an answer that count. */
export function answerHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  return pick(headers, ANSWER_HEADERS);
}

function pick(headers: IncomingHttpHeaders, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]])),
  );
}
