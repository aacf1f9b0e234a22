import { randomBytes } from 'node:crypto';
import type { AuditRow } from '../../core/audit.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import { accountPrincipal, objectId } from '../../core/principals.ts';
import type { Caller, LoginPoll, Peer, TokenPair } from '../../core/services.ts';
import type { Call, Credentials, Handlers, Services, Target } from './call.ts';
import { decide } from './decide.ts';
import type { Input, MethodName, Output } from './methods.ts';
import { POLICY, type PolicyRow, SCOPE_OF } from './policy.ts';
import { type Question, questionOf } from './targets.ts';

/** A call as a transport hands it over. */
export interface Incoming<M extends MethodName> {
  readonly method: M;
  readonly peer: Peer;
  readonly signal: AbortSignal;
  /** Read only once somebody must be known. @throws AppError on repeated or malformed credentials */
  credentials(): Credentials;
  /** The decoded request; asked for after authentication, so that strangers upload nothing. */
  input(): Promise<Input<M>>;
  /** Called once, before any output: a pair renewed on the way goes back with the headers. */
  accepted(renewed: TokenPair | undefined): void;
}

export interface Outcome<M extends MethodName> {
  readonly requestId: string;
  readonly result: Promise<Output<M>>;
}

type Polls = AsyncGenerator<LoginPoll>;

const NO_TARGET: Target = { object: undefined };

/**
 * The one path of every call: authenticate → policy → audit → handler. Limits come before it (transport), the mapping
 * of errors to a status after it (wire). A method without a policy row is denied (security.md AT-16).
 */
export function createPipeline(services: Services, handlers: Handlers) {
  return function dispatch<M extends MethodName>(incoming: Incoming<M>): Outcome<M> {
    const requestId = randomBytes(12).toString('hex');
    return { requestId, result: run(incoming, requestId) };
  };

  async function run<M extends MethodName>(incoming: Incoming<M>, requestId: string): Promise<Output<M>> {
    const row: PolicyRow | undefined = POLICY[incoming.method];
    let call = newCall(incoming, requestId, services.clock.now());
    try {
      if (!row) throw new AppError('PERMISSION_DENIED', 'METHOD_UNKNOWN', 'This server has no such method.');
      const caller = await authenticate(row, incoming);
      call = withCaller(call, caller);
      checkScope(incoming.method, caller);
      const input = await incoming.input();
      call = await withSessionNamed(call, input);
      const question = await questionOf(row, input, services, caller?.account.handle ?? '');
      call = withTarget(call, question);
      if (caller) await decide(row, question, caller, services);
      const recorded = record(row, call);
      if (row.mutation) await recorded;
      const handler = handlers[incoming.method];
      const [output] = await Promise.all([handler(services, call, input), recorded]);
      if (recordsLate(row, call, output)) await services.audit.record(await outcomeRow(call, output));
      return incoming.method === 'login.await' ? (judged(row, call, output as Polls) as Output<M>) : output;
    } catch (error) {
      throw await refuse(row, call, error);
    }
  }

  /** Renewing and logging out bring their credential in the request: their rows say whose session it was all the same. */
  async function withSessionNamed(call: Call, input: unknown): Promise<Call> {
    const { refreshToken } = input as { refreshToken?: string };
    if (!refreshToken) return call;
    const session = await services.sessions.sessionOfRefreshToken(refreshToken);
    const account = session && (await services.accounts.accountById(session.accountId));
    if (!session || !account) return call;
    const principal = accountPrincipal(account);
    return { ...call, audit: { ...call.audit, principal, accountId: account.id, sessionId: session.id } };
  }

  /** Whose session a token was exchanged for, only the outcome tells. */
  async function outcomeRow({ audit }: Call, output: unknown): Promise<AuditRow> {
    if (audit.action !== 'token.exchange') return audit;
    const { sessionId } = output as Output<'token.exchange'>;
    const { subject, account } = await services.sessions.assertAlive(sessionId);
    return { ...audit, sessionId, accountId: account.id, principal: subject.principal };
  }

  async function authenticate<M extends MethodName>(
    row: PolicyRow,
    incoming: Incoming<M>,
  ): Promise<Caller | undefined> {
    if (row.auth === 'none') {
      incoming.accepted(undefined);
      return undefined;
    }
    const credentials = incoming.credentials();
    if (row.auth === 'optional') {
      incoming.accepted(undefined);
      return credentials.kind === 'none' ? undefined : await callerIfKnown(credentials.accessToken, incoming.peer);
    }
    if (credentials.kind === 'none') {
      throw new AppError('UNAUTHENTICATED', 'LOGIN_REQUIRED', 'You are not logged in.', { hint: 'Run: fedctl login' });
    }
    if (credentials.kind === 'bearer') {
      const caller = await services.sessions.authenticate(credentials.accessToken, incoming.peer);
      incoming.accepted(undefined);
      return caller;
    }
    const { caller, renewed } = await services.sessions.authenticatePair(
      credentials.accessToken,
      credentials.refreshToken,
    );
    incoming.accepted(renewed);
    return caller;
  }

  async function callerIfKnown(accessToken: string, peer: Peer): Promise<Caller | undefined> {
    try {
      return await services.sessions.authenticate(accessToken, peer);
    } catch (error) {
      if (isAppError(error) && error.code === 'UNAUTHENTICATED') return undefined;
      throw error;
    }
  }

  /** `runs.start` commits its own row together with the run; what is judged by its outcome has its row afterwards. */
  async function record(row: PolicyRow, call: Call): Promise<void> {
    if (row.audit !== 'call' || call.audit.action === 'runs.start') return;
    if (row.mutation) await services.audit.record(call.audit);
    else await services.audit.recordGrouped(call.audit);
  }

  /** Waiting for a login is judged by how it ends: its row is there before its tokens or its error are. */
  async function* judged(row: PolicyRow, call: Call, polls: Polls): Polls {
    try {
      for await (const poll of polls) {
        if (poll.state === 'approved') await services.audit.record(call.audit);
        yield poll;
      }
    } catch (error) {
      throw await refuse(row, call, error);
    }
  }

  /** Records what failed, then returns the error to answer with. A failure to record never hides the first error. */
  async function refuse(row: PolicyRow | undefined, call: Call, error: unknown): Promise<AppError> {
    const known = isAppError(error) ? error : unknownError(call, error);
    if (row?.audit !== 'none') {
      const decision =
        known.code === 'PERMISSION_DENIED' || known.code === 'NOT_FOUND' || known.code === 'UNAUTHENTICATED';
      const audit: AuditRow = { ...call.audit, decision: decision ? 'deny' : 'error', reason: known.reason };
      try {
        await services.audit.recordGrouped(audit);
      } catch (cause) {
        services.log.error(
          { requestId: call.requestId, action: audit.action, cause },
          'a refused call could not be recorded',
        );
      }
    }
    if (known.cause !== undefined) {
      services.log.warn(
        { requestId: call.requestId, action: call.audit.action, reason: known.reason, cause: known.cause },
        known.message,
      );
    }
    return known;
  }

  /** What nobody foresaw: a fixed text and a reference go out, the cause stays in the log. */
  function unknownError(call: Call, error: unknown): AppError {
    services.log.error(
      { requestId: call.requestId, action: call.audit.action, err: error },
      'a call failed in a way nobody foresaw',
    );
    return new AppError('INTERNAL', 'INTERNAL', `Something went wrong on the server (reference ${call.requestId}).`);
  }
}

export type Dispatch = ReturnType<typeof createPipeline>;

function newCall<M extends MethodName>(incoming: Incoming<M>, requestId: string, now: number): Call {
  const audit: AuditRow = {
    requestId,
    at: now,
    action: incoming.method,
    principal: '',
    accountId: '',
    sessionId: '',
    address: incoming.peer.address,
    userAgent: incoming.peer.userAgent,
    object: '',
    right: '',
    decision: 'allow',
    reason: '',
    bundle: '',
  };
  return {
    requestId,
    startedAt: now,
    peer: incoming.peer,
    signal: incoming.signal,
    caller: undefined,
    target: NO_TARGET,
    audit,
  };
}

/** A narrowed token does what it was narrowed to, whatever its account may (security.md AT-14). */
function checkScope(method: MethodName, caller: Caller | undefined): void {
  const needed = SCOPE_OF[method];
  if (!caller?.scopes || (needed !== undefined && caller.scopes.includes(needed))) return;
  throw new AppError(
    'PERMISSION_DENIED',
    'SCOPE_MISSING',
    `The token is limited, and this needs the scope ${needed}.`,
    {
      hint: 'Use the token of your login, or one that was issued with that scope.',
    },
  );
}

function withCaller(call: Call, caller: Caller | undefined): Call {
  if (!caller) return call;
  const { subject, account, session } = caller;
  const audit = { ...call.audit, principal: subject.principal, accountId: account.id, sessionId: session.id };
  return { ...call, caller, audit };
}

function withTarget(call: Call, { target, right, named = target.object }: Question): Call {
  return { ...call, target, audit: { ...call.audit, object: named ? objectId(named) : '', right: right ?? '' } };
}

/** What is judged by its outcome, but for a poll that stays pending; and a submit that met its earlier self wrote no row with it. */
function recordsLate(row: PolicyRow, call: Call, output: unknown): boolean {
  if (call.audit.action === 'runs.start') return (output as Output<'runs.start'>).run.createdAt < call.startedAt;
  if (row.audit !== 'outcome' || call.audit.action === 'login.await') return false;
  return call.audit.action !== 'login.poll' || (output as Output<'login.poll'>).state === 'approved';
}
