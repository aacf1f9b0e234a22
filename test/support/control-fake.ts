import { randomBytes } from 'node:crypto';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { type AccessServer, AccessService } from '../../src/gen/fedctl/v1/access.ts';
import { type Run, type RunsServer, RunsService } from '../../src/gen/fedctl/v1/runs.ts';
import {
  type AwaitLoginRequest,
  type ExchangeTokenRequest,
  type FinishLoginRequest,
  type GetProviderTokenResponse,
  type PasswordLoginRequest,
  type PollLoginResponse,
  type Provider,
  type SessionsServer,
  SessionsService,
  type StartLoginRequest,
  type StartLoginResponse,
  type TokenPair,
} from '../../src/gen/fedctl/v1/sessions.ts';
import { ErrorInfo, Status } from '../../src/gen/google/rpc/status.ts';
import type { TestPair } from './certificates.ts';

/** A failure as the real server sends it: status, reason in google.rpc.ErrorInfo, hint in its metadata. */
export interface FakeFailure {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly hint?: string;
}

/** What the fake does; tests change it while it runs. */
export interface FakeState {
  /** Answers of PollLogin in turn; the last one stays. */
  polls: ('pending' | 'slow_down' | 'approved' | FakeFailure)[];
  pollCount: number;
  /** Events of AwaitLogin in turn; undefined: not served, as by an older server. "wait": nothing until `push` is called. "cut": the connection breaks. */
  pushes: ('pending' | 'approved' | 'wait' | 'cut' | FakeFailure)[] | undefined;
  /** Lets a stream that waits go on. */
  push: () => void;
  /** Undefined: ListProviders is not served. */
  providers: Provider[] | undefined;
  /** What StartLogin, FinishLogin, PasswordLogin and ExchangeToken were asked. */
  starts: StartLoginRequest[];
  finishes: FinishLoginRequest[];
  passwords: PasswordLoginRequest[];
  exchanges: ExchangeTokenRequest[];
  /** Page of the code grant's provider; the state goes on it. */
  authorizationUrl: string;
  /** What GetServerInfo says. */
  issuer: string;
  /** Whose new logins are. */
  account: string;
  /** What Logout says of the provider's own page. */
  endSessionUrl: string;
  /** Id of new sessions. */
  sessionId: string;
  /** Access tokens that were revoked by Logout, and refresh tokens. */
  loggedOut: string[];
  providerToken: GetProviderTokenResponse | FakeFailure;
  loginExpiresIn: bigint;
  interval: bigint;
  verificationUri: string;
  /** Seconds of life of new access tokens. */
  lifetime: number;
  /** Refresh token in force; older ones are refused, as by a provider that rotates. */
  refreshToken: string;
  accessTokens: Set<string>;
  expiredTokens: Set<string>;
  renewals: number;
  renewDelayMs: number;
  logouts: number;
  runs: Run[];
  log: Buffer;
  /** Bytes of log after which a stream breaks, once. */
  breakAt: number | undefined;
  /** When the stream breaks, the tokens so far expire. */
  expireOnBreak: boolean;
  /** Next call fails so; consumed. */
  failNext: FakeFailure[];
  submitted: { requestId: string; sha256: string; size: number; runConfig: object }[];
  /** What GetServerInfo says of the engine. */
  bundleFamily: number;
  /** What it says of the parts behind the server. */
  components: { name: string; ok: boolean; detail: string }[];
  /** Forget the answer of the next submission after the run was made. */
  loseAnswer: boolean;
  /** What PullArtifacts answers. */
  artifactsUrl: string;
  requests: string[];
}

export interface ControlFake {
  readonly address: string;
  readonly port: number;
  readonly state: FakeState;
  /** Ends every connection at once; the port is free afterwards. */
  kill(): Promise<void>;
}

export interface FakeOptions {
  /** Undefined: plaintext. */
  readonly tls: TestPair | undefined;
  readonly host?: string;
  readonly port?: number;
  readonly state?: FakeState;
}

export const NOW = '2026-11-22T18:00:00.000000+00:00';

export function fakeRun(over: Partial<Run> = {}): Run {
  return {
    runId: 12345678901234567890n,
    app: 'flowerlabs/quickstart',
    appVersion: '1.0.0',
    bundleSha256: 'ab'.repeat(32),
    status: 'running',
    reason: '',
    federation: '@lab/default',
    owner: 'alice',
    mine: true,
    createdAt: '2026-11-22T17:58:00.000000+00:00',
    startingAt: '2026-11-22T17:58:10.000000+00:00',
    runningAt: '2026-11-22T17:58:20.000000+00:00',
    finishedAt: '',
    requestId: '',
    ...over,
  };
}

export function newState(): FakeState {
  return {
    polls: ['approved'],
    pollCount: 0,
    pushes: undefined,
    push: () => {},
    providers: undefined,
    starts: [],
    finishes: [],
    passwords: [],
    exchanges: [],
    authorizationUrl: 'https://idp.example/authorize',
    issuer: 'https://fake.example',
    account: 'alice',
    endSessionUrl: '',
    sessionId: 's1',
    loggedOut: [],
    providerToken: {
      accessToken: 'opaque-of-idp',
      idToken: '',
      expiresIn: 300n,
      issuer: 'https://idp.example',
      tokenType: 'Bearer',
    },
    loginExpiresIn: 600n,
    interval: 1n,
    verificationUri: 'https://idp.example/device',
    lifetime: 600,
    refreshToken: '',
    accessTokens: new Set(),
    expiredTokens: new Set(),
    renewals: 0,
    renewDelayMs: 0,
    logouts: 0,
    runs: [],
    log: Buffer.alloc(0),
    breakAt: undefined,
    expireOnBreak: false,
    failNext: [],
    submitted: [],
    bundleFamily: 4,
    components: [{ name: 'openfga', ok: true, detail: '' }],
    loseAnswer: false,
    artifactsUrl: '',
    requests: [],
  };
}

/** A server of fedctl.v1 in this process, for faults that the real one can't show on demand. */
export async function startControlFake(options: FakeOptions): Promise<ControlFake> {
  const state = options.state ?? newState();
  const server = new Server();
  server.addService(SessionsService, sessionsOf(state));
  server.addService(RunsService, runsOf(state));
  server.addService(AccessService, accessOf(state));
  const { tls } = options;
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }]);
  const port = await new Promise<number>((resolve, reject) => {
    const bind = `${options.host ?? '127.0.0.1'}:${options.port ?? 0}`;
    server.bindAsync(bind, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return {
    address: `localhost:${port}`,
    port,
    state,
    kill: async () => {
      server.forceShutdown();
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
  };
}

/** New tokens of the one session that the fake knows. */
export function issue(state: FakeState): TokenPair {
  const payload = {
    iss: 'https://fake.example',
    sid: state.sessionId,
    sub: 'alice',
    iat: 1_700_000_000,
    exp: 1_700_000_000 + state.lifetime,
  };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const accessToken = `${part({ alg: 'ES256', typ: 'at+jwt' })}.${part(payload)}.${randomBytes(32).toString('base64url')}`;
  state.accessTokens.add(accessToken);
  state.refreshToken = randomBytes(32).toString('base64url');
  return {
    accessToken,
    refreshToken: state.refreshToken,
    expiresIn: BigInt(state.lifetime),
    sessionId: state.sessionId,
    account: state.account,
  };
}

export function failure(info: FakeFailure) {
  const metadata = new Metadata();
  const fields: Record<string, string> = info.hint === undefined ? {} : { hint: info.hint };
  const value = Buffer.from(ErrorInfo.encode({ reason: info.reason, domain: 'fedctl', metadata: fields }).finish());
  const details = [{ typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value }];
  metadata.set(
    'grpc-status-details-bin',
    Buffer.from(Status.encode({ code: info.code, message: info.message, details }).finish()),
  );
  return { code: info.code, details: info.message, metadata };
}

export const TOKEN_EXPIRED = {
  code: status.UNAUTHENTICATED,
  reason: 'TOKEN_EXPIRED',
  message: 'The access token has expired.',
};

function refusal(state: FakeState, metadata: Metadata): FakeFailure | undefined {
  const next = state.failNext.shift();
  if (next !== undefined) return next;
  const token = String(metadata.get('authorization')[0] ?? '').replace(/^Bearer /, '');
  if (state.expiredTokens.has(token)) return TOKEN_EXPIRED;
  if (state.accessTokens.has(token)) return undefined;
  return {
    code: status.UNAUTHENTICATED,
    reason: 'TOKEN_INVALID',
    message: 'The access token is not valid.',
    hint: 'Run: fedctl login',
  };
}

function guarded<Request, Response>(state: FakeState, answer: (request: Request) => Response | Refused) {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => {
    state.requests.push(call.getPath());
    const refused = refusal(state, call.metadata);
    const outcome = refused ?? answer(call.request);
    if (outcome instanceof Refused) callback(failure(outcome.failure));
    else if (isFailure(outcome)) callback(failure(outcome));
    else callback(null, outcome as Response);
  };
}

class Refused {
  readonly failure: FakeFailure;

  constructor(info: FakeFailure) {
    this.failure = info;
  }
}

function isFailure(value: unknown): value is FakeFailure {
  return typeof (value as { code?: unknown }).code === 'number' && 'reason' in (value as object);
}

const UNSERVED: FakeFailure = {
  code: status.UNIMPLEMENTED,
  reason: '',
  message: 'This server has no such method.',
  hint: '',
};

function sessionsOf(state: FakeState): SessionsServer {
  return {
    getServerInfo: (_call, callback) =>
      callback(null, {
        version: '0.1.0',
        issuer: state.issuer,
        bundleFamily: state.bundleFamily,
        loginRequired: true,
        timeMs: BigInt(Date.now()),
        maxBundleBytes: 10_485_760n,
        defaultFederation: '@lab/default',
        components: state.components,
      }),
    startLogin: (call, callback) => {
      state.starts.push(call.request);
      callback(null, startedLogin(state, call.request));
    },
    pollLogin: (_call, callback) => {
      const answer = state.polls[Math.min(state.pollCount, state.polls.length - 1)];
      state.pollCount += 1;
      if (typeof answer === 'object') return callback(failure(answer));
      const tokens = answer === 'approved' ? issue(state) : undefined;
      const response: PollLoginResponse = { state: answer ?? 'pending', interval: state.interval, tokens };
      callback(null, response);
    },
    renew: (call, callback) => {
      state.renewals += 1;
      if (call.request.refreshToken !== state.refreshToken) {
        return callback(
          failure({
            code: status.UNAUTHENTICATED,
            reason: 'REFRESH_TOKEN_INVALID',
            message: 'This login has ended.',
            hint: 'Run: fedctl login',
          }),
        );
      }
      setTimeout(() => callback(null, { tokens: issue(state) }), state.renewDelayMs);
    },
    logout: (call, callback) => {
      state.logouts += 1;
      state.loggedOut.push(call.request.refreshToken || String(call.metadata.get('authorization')[0] ?? ''));
      callback(null, { providerRevoked: true, endSessionUrl: state.endSessionUrl });
    },
    listProviders: (_call, callback) => {
      if (state.providers === undefined) callback(failure(UNSERVED));
      else callback(null, { providers: state.providers });
    },
    awaitLogin: (call) => void push(state, call),
    finishLogin: (call, callback) => {
      state.finishes.push(call.request);
      const refused = state.failNext.shift();
      if (refused !== undefined) callback(failure(refused));
      else callback(null, { tokens: issue(state) });
    },
    passwordLogin: (call, callback) => {
      state.passwords.push(call.request);
      const refused = state.failNext.shift();
      if (refused !== undefined) callback(failure(refused));
      else callback(null, { tokens: issue(state) });
    },
    exchangeToken: (call, callback) => {
      state.exchanges.push(call.request);
      const refused = state.failNext.shift();
      if (refused !== undefined) return callback(failure(refused));
      const { accessToken, sessionId, account, expiresIn } = issue(state);
      const { requestedTokenType: issuedTokenType, scopes } = call.request;
      callback(null, { accessToken, sessionId, account, expiresIn, issuedTokenType, scopes });
    },
    getProviderToken: guarded(state, () => {
      const { providerToken } = state;
      return 'reason' in providerToken ? new Refused(providerToken) : providerToken;
    }),
    whoAmI: guarded(state, () => ({
      kind: 'user',
      account: state.account,
      displayName: 'Alice Example',
      email: 'alice@example.org',
      issuer: 'https://idp.example',
      subject: 'alice',
      principal: 'user:dev|alice',
      sessionId: 's1',
      sessionIdleExpiresIn: 1_209_600n,
      sessionExpiresIn: 2_592_000n,
      authenticatedAgo: 5n,
      groups: [],
      federation: '@lab/default',
      rights: ['can_run', 'can_list'],
    })),
  };
}

function startedLogin(state: FakeState, { grant }: StartLoginRequest): StartLoginResponse {
  const code = grant === 'code';
  return {
    handle: 'h1',
    userCode: code ? '' : 'ABCD-EFGH',
    verificationUri: code ? '' : state.verificationUri,
    verificationUriComplete: code ? '' : `${state.verificationUri}?user_code=ABCD-EFGH`,
    expiresIn: state.loginExpiresIn,
    interval: state.interval,
    provider: 'dev',
    authorizationUrl: code ? `${state.authorizationUrl}?client_id=fedctl&state=st-1` : '',
  };
}

async function push(state: FakeState, call: ServerWritableStream<AwaitLoginRequest, PollLoginResponse>): Promise<void> {
  for (const event of state.pushes ?? [UNSERVED]) {
    if (event === 'wait') {
      await new Promise<void>((resolve) => {
        state.push = resolve;
      });
    } else if (event === 'cut') {
      call.emit('error', { code: status.UNAVAILABLE, details: 'draining' });
      return;
    } else if (typeof event === 'object') {
      call.emit('error', failure(event));
      return;
    } else {
      const tokens = event === 'approved' ? issue(state) : undefined;
      call.write({ state: event, interval: state.interval, tokens });
    }
  }
  call.end();
}

const isOver = (run: Run) => run.status === 'lost' || run.status.startsWith('finished');

const UNKNOWN_RUN = { code: status.NOT_FOUND, reason: 'RUN_NOT_FOUND', message: 'There is no such run.' };

function runsOf(state: FakeState): RunsServer {
  return {
    pullArtifacts: guarded(state, () => ({ url: state.artifactsUrl, expiresIn: 300 })),
    startRun: (call, callback) => {
      const refused = refusal(state, call.metadata);
      let header = { requestId: '', bundleSha256: '', runConfig: {} as object };
      let size = 0;
      call.on('data', (message) => {
        if (message.header !== undefined) header = message.header;
        size += message.chunk?.length ?? 0;
      });
      call.on('end', () => {
        if (refused !== undefined) return callback(failure(refused));
        const known = state.runs.find((run) => run.requestId === header.requestId);
        const run =
          known ??
          fakeRun({
            requestId: header.requestId,
            status: 'pending',
            runId: 1000000000000000000n + BigInt(state.runs.length),
          });
        if (known === undefined) state.runs.unshift(run);
        const { requestId, bundleSha256: sha256, runConfig } = header;
        state.submitted.push({ requestId, sha256, size, runConfig });
        if (state.loseAnswer) {
          state.loseAnswer = false;
          return callback({ code: status.UNAVAILABLE, details: 'Connection dropped' });
        }
        callback(null, { run });
      });
    },
    listRuns: guarded(state, (request) => {
      const { runId, runIdPrefix, mine, limit } = request;
      const shown = state.runs.filter(
        (run) =>
          (runId === undefined || run.runId === runId) &&
          String(run.runId).startsWith(runIdPrefix) &&
          (!mine || run.mine),
      );
      if (runId !== undefined && shown.length === 0) return new Refused(UNKNOWN_RUN);
      const size = limit === 0 ? 20 : limit;
      return { runs: shown.slice(0, size), nextCursor: shown.length > size ? 'c2' : '', now: NOW };
    }),
    stopRun: guarded(state, ({ runId }) => {
      const run = state.runs.find((one) => one.runId === runId);
      if (run === undefined) return new Refused(UNKNOWN_RUN);
      run.status = 'finished:stopped';
      return { run };
    }),
    streamLogs: (call) => {
      const refused = refusal(state, call.metadata);
      const run = state.runs.find((one) => one.runId === call.request.runId);
      if (refused !== undefined || run === undefined) {
        call.emit('error', failure(refused ?? UNKNOWN_RUN));
        return;
      }
      call.sendMetadata(new Metadata());
      const end = state.breakAt ?? state.log.length;
      for (let at = Number(call.request.offset); at < end; at += 7) {
        const to = Math.min(at + 7, end);
        call.write({ text: state.log.subarray(at, to).toString(), nextOffset: BigInt(to), finished: undefined });
      }
      if (state.breakAt !== undefined) {
        state.breakAt = undefined;
        if (state.expireOnBreak) for (const token of state.accessTokens) state.expiredTokens.add(token);
        setTimeout(() => call.emit('error', { code: status.UNAVAILABLE, details: 'draining' }), 20);
        return;
      }
      if (isOver(run)) call.write({ text: '', nextOffset: BigInt(end), finished: run });
      if (isOver(run) || !call.request.follow) call.end();
    },
  };
}

function accessOf(state: FakeState): AccessServer {
  const info = (who: string, role: string, object: string) => ({
    principal: `user:dev|${who}`,
    who,
    role,
    object,
    until: '',
    tuple: `user:dev|${who} ${role} ${object}`,
  });
  return {
    grant: guarded(state, ({ who, role, object, forSeconds }) => ({
      grant: { ...info(who, role, object), until: forSeconds === 0n ? '' : `in ${forSeconds} s` },
      unchanged: false,
    })),
    revoke: guarded(state, () => ({ unchanged: false })),
    listGrants: guarded(state, () => ({ grants: [info('bob', 'viewer', 'run:1')] })),
    whoIs: guarded(state, ({ query }) => ({
      accounts:
        query === 'bob'
          ? [
              {
                account: 'bob',
                principal: 'user:dev|bob',
                issuer: 'https://idp.example',
                subject: 'bob',
                email: '',
                displayName: 'Bob',
                lastLoginAt: '',
              },
            ]
          : [],
    })),
    can: guarded(state, ({ action }) => ({ allowed: action === 'list', reason: '' })),
  };
}
