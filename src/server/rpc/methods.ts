import type { RunId } from '../../core/ids.ts';
import type { Run, RunConfig } from '../../core/runs.ts';
import type { ComponentHealth, LoginPoll, LogPiece, StartedLogin, TokenPair } from '../../core/services.ts';

/**
 * Every method of the control plane, free of any wire: what goes in, what comes out. Wires (fedctl.v1, a Flower
 * generation) translate to and from these; policy.ts has a row for each, handlers/ a function for each.
 */
export interface Methods {
  'server.info': { in: { probe: boolean }; out: ServerInfo };
  'login.start': { in: { provider: string; client: string; host: string }; out: StartedLogin };
  'login.poll': { in: { handle: string }; out: LoginPoll };
  'session.renew': { in: { refreshToken: string }; out: TokenPair };
  'session.logout': { in: { refreshToken: string }; out: { providerRevoked: boolean } };
  'session.whoami': { in: Record<string, never>; out: WhoAmI };
  'runs.start': { in: StartRunInput; out: SeenRun };
  'runs.list': { in: ListRunsInput; out: { runs: readonly SeenRun[]; nextCursor: string; now: number } };
  'runs.get': { in: { runId: RunId }; out: { run: SeenRun; now: number } };
  'runs.stop': { in: { runId: RunId }; out: SeenRun };
  'runs.logs': { in: LogsInput; out: AsyncIterable<LogMessage> };
  'access.grant': { in: GrantInput & { forSeconds: bigint }; out: { grant: SeenGrant; unchanged: boolean } };
  'access.revoke': { in: GrantInput; out: { unchanged: boolean } };
  'access.grants': { in: { who: string; object: string }; out: { grants: readonly SeenGrant[] } };
  'access.whois': { in: { query: string }; out: { accounts: readonly SeenAccount[] } };
  'access.can': { in: { action: string; object: string }; out: { allowed: boolean; reason: string } };
}

export type MethodName = keyof Methods;
export type Input<M extends MethodName> = Methods[M]['in'];
export type Output<M extends MethodName> = Methods[M]['out'];

export interface ServerInfo {
  readonly version: string;
  readonly issuer: string;
  readonly now: number;
  readonly maxBundleBytes: number;
  readonly defaultFederation: string;
  readonly components: readonly ComponentHealth[];
}

export interface WhoAmI {
  readonly account: SeenAccount;
  readonly sessionId: string;
  /** Seconds. */
  readonly idleExpiresIn: number;
  readonly expiresIn: number;
  readonly authenticatedAgo: number;
  readonly groups: readonly string[];
  readonly federation: string;
  readonly rights: readonly string[];
}

export interface StartRunInput {
  readonly requestId: string;
  /** "" = the server's default. */
  readonly federation: string;
  readonly bundle: Uint8Array;
  /** Announced by the client; "" where the wire has none. */
  readonly bundleSha256: string;
  readonly runConfig: RunConfig;
  readonly federationConfig: RunConfig;
}

export interface ListRunsInput {
  readonly idPrefix: string;
  /** 0 = the default page. */
  readonly limit: number;
  readonly cursor: string;
  readonly federation: string;
  readonly mine: boolean;
}

export interface LogsInput {
  readonly runId: RunId;
  /** Where to start: a byte offset of ours, or an engine timestamp as flwr counts. */
  readonly from: { readonly offset: number } | { readonly engineTimestamp: number };
  readonly follow: boolean;
}

/** A run as the caller may see it. */
export interface SeenRun {
  readonly run: Run;
  readonly mine: boolean;
}

export type LogMessage = LogPiece & { readonly finished: SeenRun | undefined };

export interface GrantInput {
  readonly who: string;
  readonly role: string;
  readonly object: string;
}

export interface SeenGrant {
  readonly principal: string;
  readonly who: string;
  readonly role: string;
  readonly object: string;
  readonly until: number | undefined;
}

export interface SeenAccount {
  readonly handle: string;
  readonly principal: string;
  readonly issuer: string;
  readonly subject: string;
  readonly email: string;
  readonly displayName: string;
  readonly lastLoginAt: number;
}
