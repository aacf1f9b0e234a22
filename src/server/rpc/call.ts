import type { AccessObject, Checker, Grants } from '../../core/access.ts';
import type { AccountStore } from '../../core/accounts.ts';
import type { AuditLog, AuditRow } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import type { Federation, Federations, InvitationStore } from '../../core/federations.ts';
import type { Logger } from '../../core/log.ts';
import type { FoundNode, Nodes } from '../../core/nodes.ts';
import type { Run } from '../../core/runs.ts';
import type {
  Artifacts,
  Caller,
  ComponentHealth,
  Login,
  LoginPages,
  Peer,
  ProviderLogout,
  RunQueries,
  RunService,
  Sessions,
  TokenExchange,
} from '../../core/services.ts';
import type { Input, MethodName, Output } from './methods.ts';

/** Everything that handlers may use: ports, and a few facts of the configuration. */
export interface Services {
  readonly login: Login;
  readonly pages: LoginPages;
  readonly exchange: TokenExchange;
  readonly providerLogout: ProviderLogout;
  readonly sessions: Sessions;
  readonly accounts: AccountStore;
  readonly checker: Checker;
  readonly grants: Grants;
  readonly runs: RunService;
  readonly queries: RunQueries;
  readonly federations: Federations;
  readonly invitations: InvitationStore;
  readonly nodes: Nodes;
  readonly artifacts: Artifacts;
  readonly audit: AuditLog;
  readonly streams: StreamCounter;
  readonly clock: Clock;
  readonly log: Logger;
  /** Health of the parts behind the server; may be up to 5 s old. */
  readonly health: () => Promise<readonly ComponentHealth[]>;
  /** Family of app bundles that the default federation's engine builds; 0 where it is not known. Answers soon. */
  readonly bundleFamily: () => Promise<number>;
  readonly facts: ServerFacts;
}

export interface ServerFacts {
  readonly version: string;
  /** Issuer of our tokens: the origin of the HTTPS port. */
  readonly issuer: string;
  readonly maxBundleBytes: number;
  readonly defaultFederation: string;
  /** Names of the configured engines, the default federation's first. */
  readonly engines: readonly string[];
  /** Longest silence on a stream, milliseconds; default 20 s. */
  readonly pulseMs?: number;
  /** Alias of each configured issuer. */
  readonly issuerAliases: Readonly<Record<string, string>>;
}

/** Log streams under way, counted per account and in all (security.md T-30). */
export interface StreamCounter {
  /** Returns the function that leaves again. @throws RESOURCE_EXHAUSTED TOO_MANY_STREAMS */
  enter(account: string): () => void;
}

/** What a right was decided on: the object, and its row where it is a run or a federation, or the SuperNode that it is. */
export interface Target {
  readonly object: AccessObject | undefined;
  readonly run?: Run | undefined;
  readonly federation?: Federation | undefined;
  readonly node?: FoundNode | undefined;
}

/** One call under way. */
export interface Call {
  readonly requestId: string;
  readonly startedAt: number;
  readonly peer: Peer;
  readonly signal: AbortSignal;
  readonly caller: Caller | undefined;
  readonly target: Target;
  /** The row that this call is recorded with; `runs.start` commits it together with the run. */
  readonly audit: AuditRow;
}

export type Handler<M extends MethodName> = (services: Services, call: Call, input: Input<M>) => Promise<Output<M>>;
export type Handlers = { readonly [M in MethodName]: Handler<M> };

/** Credentials as a wire found them in a call. */
export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'bearer'; readonly accessToken: string }
  | { readonly kind: 'pair'; readonly accessToken: string; readonly refreshToken: string };

/** The caller, where the policy demands one. */
export function callerOf(call: Call): Caller {
  if (call.caller) return call.caller;
  throw new AppError('UNAUTHENTICATED', 'LOGIN_REQUIRED', 'You are not logged in.', { hint: 'Run: fedctl login' });
}

/** The run that the policy decided on. */
export function runOf(call: Call): Run {
  if (call.target.run) return call.target.run;
  throw new AppError('INTERNAL', 'TARGET_MISSING', 'The call has no run.');
}

/** The federation that the policy decided on. */
export function federationOf(call: Call): Federation {
  if (call.target.federation) return call.target.federation;
  throw new AppError('INTERNAL', 'TARGET_MISSING', 'The call has no federation.');
}

/** The SuperNode that the policy decided on. */
export function nodeOf(call: Call): FoundNode {
  if (call.target.node) return call.target.node;
  throw new AppError('INTERNAL', 'TARGET_MISSING', 'The call has no SuperNode.');
}
