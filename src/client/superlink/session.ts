import { AppError } from '../../core/errors.ts';
import type { FlowerControl, FlowerRpc } from '../../flower/control.ts';
import { isFlowerFailure } from '../../flower/failure.ts';
import type { Endpoint } from '../endpoint.ts';
import { callTimeout } from '../timeout.ts';
import { superlinkError } from './failures.ts';
import type { SuperlinkLogin } from './tokens.ts';

/** Calls to one SuperLink, as whoever is logged in there if it has a login. */
export interface SuperlinkSession {
  readonly transport: FlowerControl['transport'];
  /** @throws AppError */
  call<Request, Response>(
    rpc: FlowerRpc<Request, Response>,
    request: Request,
    options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  ): Promise<Response>;
  /** @throws FlowerFailure; `explain` makes it an AppError */
  stream<Request, Response>(
    rpc: FlowerRpc<Request, Response>,
    request: Request,
    signal: AbortSignal,
  ): AsyncIterable<Response>;
  explain(error: unknown): Promise<AppError>;
}

export interface SuperlinkSessionOptions {
  readonly control: FlowerControl;
  readonly endpoint: Endpoint;
  /** Undefined: calls go out without tokens. */
  readonly login: SuperlinkLogin | undefined;
}

/** Never repeats a call, but for one that was refused for a token that another command has renewed meanwhile. */
export function openSuperlinkSession({ control, endpoint, login }: SuperlinkSessionOptions): SuperlinkSession {
  const explain = (error: unknown) =>
    superlinkError(error, { endpoint, transport: control.transport, loggedIn: login !== undefined });
  return {
    transport: control.transport,
    async call(rpc, request, { timeoutMs = callTimeout(), signal } = {}) {
      const options = signal === undefined ? { timeoutMs } : { timeoutMs, signal };
      try {
        return await control.call(rpc, request, options);
      } catch (error) {
        if (!isUnauthenticated(error) || !(await login?.changed())) throw await explain(error);
        return await control.call(rpc, request, options).catch(async (again: unknown) => {
          throw await explain(again);
        });
      }
    },
    stream: (rpc, request, signal) => control.stream(rpc, request, { signal }),
    explain,
  };
}

function isUnauthenticated(error: unknown): boolean {
  return isFlowerFailure(error) && error.code === 'UNAUTHENTICATED';
}

/** The failure of a question about a run. A SuperLink's own words for an unknown one name no id. */
export function aboutRun(runId: bigint, failure: AppError): AppError {
  if (failure.code !== 'NOT_FOUND') return failure;
  const text = `The SuperLink has no run ${runId}.`;
  return new AppError('NOT_FOUND', 'RUN_NOT_FOUND', text, { hint: 'See: fedctl ls', cause: failure });
}
