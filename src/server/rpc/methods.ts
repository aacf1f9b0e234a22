import type { AccountKind } from '../../core/accounts.ts';
import type { Federation, Invitation } from '../../core/federations.ts';
import type { RunId } from '../../core/ids.ts';
import type { EngineNode, NodeId } from '../../core/nodes.ts';
import type { Run, RunConfig } from '../../core/runs.ts';
import type {
  AuthorizationAnswer,
  ComponentHealth,
  ExchangedToken,
  ExchangeRequest,
  LoginPage,
  LoginPoll,
  LoginProvider,
  LoginRequest,
  LogPiece,
  ProviderTokenView,
  StartedLogin,
  TokenPair,
} from '../../core/services.ts';

/**
 * Every method of the control plane, free of any wire: what goes in, what comes out. Wires (fedctl.v1, a Flower
 * generation) translate to and from these; policy.ts has a row for each, handlers/ a function for each.
 */
export interface Methods {
  'server.info': { in: { probe: boolean }; out: ServerInfo };
  'login.providers': { in: Record<string, never>; out: { providers: readonly LoginProvider[] } };
  'login.start': { in: LoginRequest; out: StartedLogin };
  'login.poll': { in: { handle: string }; out: LoginPoll };
  'login.await': { in: { handle: string }; out: AsyncIterable<LoginPoll> };
  'login.finish': { in: { handle: string; answer: AuthorizationAnswer }; out: TokenPair };
  'login.password': { in: PasswordInput; out: TokenPair };
  'login.page': { in: { userCode: string }; out: LoginPage };
  'login.confirm': { in: { userCode: string; browser: string }; out: { authorizationUrl: string } };
  'login.deny': { in: { userCode: string }; out: Record<string, never> };
  'login.callback': { in: CallbackInput; out: { account: string; client: string } };
  'token.exchange': { in: ExchangeRequest; out: ExchangedToken };
  'token.provider': { in: { minLife: number }; out: ProviderTokenView };
  'session.renew': { in: { refreshToken: string }; out: TokenPair };
  'session.logout': { in: { refreshToken: string }; out: { providerRevoked: boolean; endSessionUrl: string } };
  'session.provider-logout': { in: { provider: string; logoutToken: string }; out: { ended: number } };
  'session.logged-out': { in: { state: string }; out: Record<string, never> };
  'session.whoami': { in: Record<string, never>; out: WhoAmI };
  'runs.start': { in: StartRunInput; out: SeenRun };
  'runs.list': { in: ListRunsInput; out: { runs: readonly SeenRun[]; nextCursor: string; now: number } };
  'runs.get': { in: { runId: RunId }; out: { run: SeenRun; now: number } };
  'runs.stop': { in: { runId: RunId }; out: SeenRun };
  'runs.logs': { in: LogsInput; out: AsyncIterable<LogMessage> };
  'runs.pull': { in: { runId: RunId }; out: { url: string; expiresInMs: number } };
  'nodes.list': { in: { federation: string }; out: { nodes: readonly SeenNode[]; now: number } };
  'nodes.register': { in: RegisterNodeInput; out: { nodeId: NodeId } };
  'nodes.unregister': { in: { nodeId: NodeId }; out: Record<string, never> };
  'federations.list': { in: Record<string, never>; out: { federations: readonly SeenFederation[] } };
  'federations.show': { in: { federation: string }; out: FederationDetail };
  'federations.create': { in: CreateFederationInput; out: SeenFederation };
  'federations.archive': { in: { federation: string }; out: Record<string, never> };
  'federations.add-node': { in: { federation: string; nodeId: NodeId }; out: Record<string, never> };
  'federations.remove-node': { in: { federation: string; nodeId: NodeId }; out: Record<string, never> };
  'federations.remove-member': { in: { federation: string; account: string }; out: Record<string, never> };
  'federations.leave': { in: { federation: string }; out: Record<string, never> };
  'federations.configure-simulation': { in: { federation: string; config: RunConfig }; out: SeenFederation };
  'invitations.create': { in: { federation: string; invitee: string; role: string }; out: SeenInvitation };
  'invitations.list': {
    in: Record<string, never>;
    out: { created: readonly SeenInvitation[]; received: readonly SeenInvitation[] };
  };
  'invitations.accept': { in: { federation: string }; out: Record<string, never> };
  'invitations.reject': { in: { federation: string }; out: Record<string, never> };
  'invitations.revoke': { in: { federation: string; invitee: string }; out: Record<string, never> };
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
  /** Family of app bundles of the default federation's engine; 0 where it is not known. */
  readonly bundleFamily: number;
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

export interface PasswordInput {
  readonly provider: string;
  readonly username: string;
  readonly password: string;
  readonly client: string;
  readonly host: string;
}

export interface CallbackInput {
  /** Alias, from the path of the redirect URI. */
  readonly provider: string;
  readonly answer: AuthorizationAnswer;
  /** Secret of the browser's cookie. */
  readonly browser: string;
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
  /** Rows to pass over, for wires that have no cursor. */
  readonly skip?: number;
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

export type LogMessage = LogPiece & {
  readonly finished: SeenRun | undefined;
  /** Nothing new, only a sign that the stream stands. */
  readonly isPulse?: true;
};

/** A SuperNode as the caller may see it. */
export interface SeenNode {
  readonly node: EngineNode;
  readonly engine: string;
  /** Federations of its engine that the caller may see. */
  readonly federations: readonly string[];
  /** Account name of who registered it through us, or "". */
  readonly ownerHandle: string;
  readonly ownerAccountId: string;
  readonly mine: boolean;
  /** Ours where the engine's release keeps none. */
  readonly name: string;
  readonly location: string;
}

export interface RegisterNodeInput {
  /** "" = the default. */
  readonly federation: string;
  readonly publicKey: Uint8Array;
  readonly name: string;
  readonly location: string;
}

export interface CreateFederationInput {
  readonly federation: string;
  readonly description: string;
  readonly simulation: boolean;
  /** "" = the engine of the default federation. */
  readonly engine: string;
}

export interface SeenFederation {
  readonly federation: Federation;
  readonly rights: readonly string[];
  /** Accounts and groups that hold a role on it. */
  readonly memberCount: number;
  readonly isDefault: boolean;
}

export interface SeenMember {
  /** Account name, or "group:NAME". */
  readonly who: string;
  /** "" for a group. */
  readonly accountId: string;
  /** The highest of its roles. */
  readonly role: string;
  readonly until: number | undefined;
}

export interface FederationDetail {
  readonly seen: SeenFederation;
  /** Empty for those who may not view the federation, beyond their own entry. */
  readonly members: readonly SeenMember[];
  readonly nodes: readonly SeenNode[];
  /** The newest that the caller may see, at most 100. */
  readonly runs: readonly SeenRun[];
  readonly now: number;
}

export interface SeenInvitation {
  readonly invitation: Invitation;
  readonly inviterHandle: string;
  readonly inviteeHandle: string;
}

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
  readonly kind: AccountKind;
  readonly handle: string;
  readonly principal: string;
  readonly issuer: string;
  readonly subject: string;
  readonly email: string;
  readonly displayName: string;
  readonly lastLoginAt: number;
}
