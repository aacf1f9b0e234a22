import { plainAddress } from '../../core/addresses.ts';
import type { Peer } from '../../core/services.ts';
import type { Input, MethodName, Output } from '../rpc/methods.ts';
import type { HttpReply, HttpRequest } from '../transport/https.ts';
import type { Pages } from './page.ts';
import { type Problem, problemOf, problemReply } from './problem.ts';

/** What browsers and identity providers may ask of this server. */
export type PageMethod =
  | 'login.page'
  | 'login.confirm'
  | 'login.deny'
  | 'login.callback'
  | 'session.provider-logout'
  | 'session.logged-out';

/** A method through the pipeline, as of any other wire. `requestId` is its reference in log and audit trail. */
export type PageCall = <M extends PageMethod & MethodName>(
  method: M,
  input: Input<M>,
  peer: Peer,
) => { readonly requestId: string; readonly result: Promise<Output<M>> };

export interface PortalParts {
  readonly call: PageCall;
  readonly pages: Pages;
}

/** Asks and answers with what `shown` makes of the outcome, or with the page of the problem. */
export async function answerWith<M extends PageMethod>(
  { call, pages }: PortalParts,
  { method, input, request }: { method: M; input: Input<M>; request: HttpRequest },
  shown: (output: Output<M>) => HttpReply,
  refused: (problem: Problem, reference: string) => HttpReply = (problem, reference) =>
    problemReply(pages, { problem, reference }),
): Promise<HttpReply> {
  const { requestId, result } = call(method, input, peerOf(request));
  try {
    return shown(await result);
  } catch (error) {
    return refused(problemOf(error, requestId), requestId);
  }
}

export function peerOf({ remoteAddress, headers }: HttpRequest): Peer {
  return { address: plainAddress(remoteAddress), userAgent: (headers['user-agent'] ?? '').slice(0, 200) };
}

/** The fields of a form; undefined for a body of another kind. A field that stands twice counts as absent. */
export async function readForm(request: HttpRequest): Promise<ReadonlyMap<string, string> | undefined> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') return undefined;
  return fieldsOf(new URLSearchParams((await request.body()).toString('utf8')));
}

/** Each parameter that stands exactly once. */
export function fieldsOf(parameters: URLSearchParams): ReadonlyMap<string, string> {
  const names = [...new Set(parameters.keys())];
  return new Map(
    names.flatMap((name) => {
      const [value = '', ...more] = parameters.getAll(name);
      return more.length === 0 ? [[name, value] as const] : [];
    }),
  );
}
