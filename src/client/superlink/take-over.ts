import type { FlowerControl, FlowerTokens } from '../../flower/control.ts';
import { TRANSPORTS } from '../../flower/detection.ts';
import { rpcs } from '../../flower/rpcs.ts';
import type { Endpoint } from '../endpoint.ts';
import { callTimeout } from '../timeout.ts';
import { superlinkError } from './failures.ts';

export interface TakeOver {
  readonly endpoint: Endpoint;
  readonly transport: FlowerControl['transport'];
  readonly userAgent: string;
  readonly tokens: FlowerTokens;
}

/** The pair after a SuperLink has taken it: itself, or the one that the SuperLink renewed it to. @throws AppError with what it says */
export async function proveTokens({ endpoint, transport, userAgent, tokens }: TakeOver): Promise<FlowerTokens> {
  let current = tokens;
  const store = {
    tokens: async () => current,
    renewed: async (pair: FlowerTokens) => {
      current = pair;
    },
  };
  const control = TRANSPORTS[transport](endpoint, { userAgent, tokens: store });
  try {
    await control.call(rpcs.listRuns, { runId: undefined, limit: 1n }, { timeoutMs: callTimeout() });
    return current;
  } catch (error) {
    throw await superlinkError(error, { endpoint, transport, loggedIn: true });
  } finally {
    control.close();
  }
}
