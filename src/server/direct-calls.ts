import type { Peer } from '../core/services.ts';
import type { Input, MethodName, Output } from './rpc/methods.ts';
import type { Dispatch } from './rpc/pipeline.ts';

/** A call of a method by a route of ours that belongs to no wire. `requestId` is its reference in log and audit trail. */
export type DirectCall = <M extends MethodName>(
  method: M,
  input: Input<M>,
  peer: Peer,
) => { readonly requestId: string; readonly result: Promise<Output<M>> };

/** Calls by nobody: whatever such a request brings as its proof is in the method's input. */
export function directCalls(dispatch: Dispatch): DirectCall {
  return (method, input, peer) =>
    dispatch({
      method,
      peer,
      signal: new AbortController().signal,
      credentials: () => ({ kind: 'none' }),
      input: async () => input,
      accepted: () => undefined,
    });
}
