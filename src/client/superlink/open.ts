import type { CredentialFile } from '../../credentials/types.ts';
import type { FlowerControl, FlowerTokenStore } from '../../flower/control.ts';
import { TRANSPORTS } from '../../flower/detection.ts';
import { rpcs } from '../../flower/rpcs.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Remote } from '../remote.ts';
import { callTimeout } from '../timeout.ts';
import { superlinkRemote } from './remote.ts';
import { openSuperlinkSession, type SuperlinkSession } from './session.ts';
import { openSuperlinkLogin } from './tokens.ts';

export interface OpenSuperlink {
  readonly endpoint: Endpoint;
  readonly transport: FlowerControl['transport'];
  /** "fedctl/0.1.0" */
  readonly userAgent: string;
  /** The stored login; undefined: calls go out without tokens. */
  readonly store: CredentialFile | undefined;
  readonly warn: (sentence: string) => void;
}

export interface OpenedSuperlink {
  readonly remote: Remote;
  readonly session: SuperlinkSession;
  close(): void;
}

/** A SuperLink, as whoever is logged in there if it has a login. Nothing is sent before the first call. */
export function openSuperlink({ endpoint, transport, userAgent, store, warn }: OpenSuperlink): OpenedSuperlink {
  const open = (tokens?: FlowerTokenStore) =>
    TRANSPORTS[transport](endpoint, { userAgent, ...(tokens === undefined ? {} : { tokens }) });

  /** The cheapest call that needs a login. */
  async function ask(tokens: FlowerTokenStore): Promise<void> {
    const once = open(tokens);
    try {
      await once.call(rpcs.listRuns, { runId: undefined, limit: 1n }, { timeoutMs: callTimeout() });
    } finally {
      once.close();
    }
  }

  const login = store === undefined ? undefined : openSuperlinkLogin({ store, ask, warn });
  const control = open(login);
  const session = openSuperlinkSession({ control, endpoint, login });
  return { remote: superlinkRemote({ session, control }), session, close: () => control.close() };
}
