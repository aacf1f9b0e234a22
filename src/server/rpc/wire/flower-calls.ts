import type { MethodName } from '../methods.ts';
import type { Binding } from './binding.ts';

/** One RPC of Flower's, free of what carries it: gRPC and HTTP give the same calls other paths (flower facts, section 7). */
export interface FlowerCall<M extends MethodName = MethodName> extends Omit<Binding<M>, 'path' | 'instead'> {
  /** As {@link Binding.instead}. */
  instead?(message: Uint8Array): FlowerCall | undefined;
}

/** By the name that the RPC has in Flower's service, "StartRun". */
export type FlowerCalls = Readonly<Record<string, FlowerCall>>;

/** Keeps a call's types together, then forgets its method, as `bind` does. */
export function flowerCall<M extends MethodName>(call: FlowerCall<M>): FlowerCall {
  return call as unknown as FlowerCall;
}

/** The calls as bindings of one transport. */
export function place(calls: FlowerCalls, pathOf: (rpc: string) => string): readonly Binding[] {
  return Object.entries(calls).map(([rpc, call]) => placeOne(call, pathOf(rpc)));
}

function placeOne({ instead, ...call }: FlowerCall, path: string): Binding {
  if (!instead) return { ...call, path };
  const other = (message: Uint8Array): Binding | undefined => {
    const chosen = instead(message);
    return chosen && placeOne(chosen, path);
  };
  return { ...call, path, instead: other };
}
