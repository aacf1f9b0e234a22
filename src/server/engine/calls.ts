import type { BundleFamily } from '../../core/engine.ts';
import type { FlowerControl, FlowerRpc } from '../../flower/control.ts';
import { createFamily } from '../../flower/family.ts';
import type { FlowerLink } from '../../flower/link.ts';

/** Calls of one engine, whatever carries them just now. Failures are FlowerFailure. */
export interface EngineCalls {
  call<Request, Response>(
    rpc: FlowerRpc<Request, Response>,
    request: Request,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Response>;
  stream<Request, Response>(
    rpc: FlowerRpc<Request, Response>,
    request: Request,
    signal: AbortSignal,
  ): AsyncIterable<Response>;
  family(): Promise<BundleFamily>;
}

export function engineCalls(link: FlowerLink): EngineCalls {
  const families = new WeakMap<FlowerControl, () => Promise<BundleFamily>>();

  /** A failure may mean that another release stands there now: the next call looks again. */
  async function using<T>(work: (control: FlowerControl) => Promise<T>): Promise<T> {
    try {
      return await work(await link.control());
    } catch (error) {
      link.doubt(error);
      throw error;
    }
  }

  return {
    call: (rpc, request, timeoutMs, signal) =>
      using((control) => control.call(rpc, request, { timeoutMs, ...(signal && { signal }) })),

    async *stream(rpc, request, signal) {
      try {
        const control = await link.control();
        yield* control.stream(rpc, request, { signal });
      } catch (error) {
        link.doubt(error);
        throw error;
      }
    },

    family: () =>
      using((control) => {
        const family = families.get(control) ?? createFamily(control);
        families.set(control, family);
        return family();
      }),
  };
}
