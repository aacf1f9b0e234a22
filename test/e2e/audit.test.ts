import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent, request } from 'undici';
import { POLICY } from '../../src/server/rpc/policy.ts';
import { type Answer, bearer, type CallOptions, flowerPair, openWire } from '../support/calls.ts';
import { findCanaries, providerCanaries, sinksOf, stackCanaries, tokenCanaries } from '../support/canaries.ts';
import { invitePeople } from '../support/people.ts';
import { until } from '../support/until.ts';
import { OTHER_CALLS } from './audit-table.ts';
import { sharedStack } from './stack/shared.ts';

interface Row {
  readonly seq: number;
  readonly action: string;
  readonly principal: string;
  readonly session_id: string;
  readonly object: string;
  readonly asked_right: string;
  readonly decision: string;
  readonly reason: string;
  readonly bundle: string;
}

interface Pair {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly sessionId: string;
}
interface Started {
  readonly handle: string;
  readonly verificationUriComplete: string;
}

const RUNS = '/fedctl.v1.Runs';
const ACCESS = '/fedctl.v1.Access';
const SESSIONS = '/fedctl.v1.Sessions';
const FLOWER = '/flwr.proto.Control';
const EVERYTHING = Buffer.alloc(0);

describe('the audit trail', () => {
  const stack = sharedStack();
  const people = invitePeople(stack);
  const carol = people.person('carol');
  /** Rows of these calls and no others. */
  const agent = `audit-${randomUUID()}`;
  const wire = openWire({ ...stack, agent });
  const database = new DatabaseSync(join(stack.state, 'server/fedctl.db'), { readOnly: true });
  const rowsOf = (column: 'session_id' | 'request_id' | 'user_agent', value: string): Row[] =>
    database.prepare(`SELECT * FROM audit WHERE ${column} LIKE ? ORDER BY seq`).all(`${value}%`) as unknown as Row[];
  /** What a call leaves by the time of its answer. */
  async function audited(path: string, options: CallOptions): Promise<{ answer: Answer; rows: Row[] }> {
    const before = rowsOf('user_agent', agent).length;
    const answer = await wire.call(path, options);
    return { answer, rows: rowsOf('user_agent', agent).slice(before) };
  }
  let session = '';
  let own = 0n;
  let token: Record<string, string> = {};

  beforeAll(async () => {
    await carol.login();
    session = String((await carol.json(['whoami']))['session-id']);
    own = BigInt(await carol.tick({ ticks: 10_000, pause: 0.5 }));
    token = bearer(carol.tokens().access);
  }, 60_000);

  afterAll(() => {
    wire.close();
    database.close();
    people.leave();
  });

  test('AU-01: a login and a submit have their rows: who, what, on which object, with which bundle', () => {
    const rows = rowsOf('session_id', session);
    expect(rows.filter((row) => row.action === 'session.session-opened')).toMatchObject([
      { principal: 'user:dev|carol', decision: 'allow' },
    ]);
    const hash = database.prepare('SELECT bundle_sha256 AS hash FROM run WHERE id = ?').get(String(own))?.hash;
    expect(rows.filter((row) => row.action === 'runs.start')).toMatchObject([
      { principal: 'user:dev|carol', object: 'federation:@dev/default', asked_right: 'can_run', bundle: hash },
    ]);
  });

  /** Calls of carol and the row that each must leave, in this order. */
  const cases: readonly (readonly [path: string, request: () => object, code: number, row: Partial<Row>])[] = [
    [`${SESSIONS}/WhoAmI`, () => ({}), status.OK, { action: 'session.whoami', decision: 'allow' }],
    [`${RUNS}/ListRuns`, () => EVERYTHING, status.OK, { action: 'runs.list', decision: 'allow' }],
    [
      `${RUNS}/ListRuns`,
      () => listOne(own),
      status.OK,
      { action: 'runs.get', object: 'run:OWN', asked_right: 'can_view', decision: 'allow' },
    ],
    [
      `${RUNS}/ListRuns`,
      () => listOne(5n),
      status.NOT_FOUND,
      { action: 'runs.get', object: 'run:5', asked_right: 'can_view', decision: 'deny', reason: 'RUN_NOT_FOUND' },
    ],
    [
      `${RUNS}/StreamLogs`,
      () => ({ runId: own, offset: 0n, follow: false }),
      status.OK,
      { action: 'runs.logs', object: 'run:OWN', asked_right: 'can_log', decision: 'allow' },
    ],
    [
      `${FLOWER}/StreamLogs`,
      () => ({ runId: 5n, afterTimestamp: 0 }),
      status.NOT_FOUND,
      { action: 'runs.logs', object: 'run:5', decision: 'deny', reason: 'RUN_NOT_FOUND' },
    ],
    [`${FLOWER}/ListRuns`, () => EVERYTHING, status.OK, { action: 'runs.list', decision: 'allow' }],
    [
      `${ACCESS}/Can`,
      () => ({ action: 'stop', object: `run:${own}` }),
      status.OK,
      { action: 'access.can', decision: 'allow' },
    ],
    [
      `${ACCESS}/Grant`,
      () => ({ who: 'user:dev|new', role: 'viewer', object: 'federation:@dev/default', forSeconds: 0n }),
      status.PERMISSION_DENIED,
      {
        action: 'access.grant',
        object: 'federation:@dev/default',
        asked_right: 'can_admin',
        decision: 'deny',
        reason: 'NOT_PERMITTED',
      },
    ],
    [
      `${ACCESS}/WhoIs`,
      () => ({ query: 'alice' }),
      status.PERMISSION_DENIED,
      { action: 'access.whois', object: 'system:fedctl', decision: 'deny', reason: 'NOT_PERMITTED' },
    ],
    [
      `${ACCESS}/ListGrants`,
      () => EVERYTHING,
      status.PERMISSION_DENIED,
      { action: 'access.grants', object: 'system:fedctl', decision: 'deny', reason: 'NOT_PERMITTED' },
    ],
    [
      `${ACCESS}/Revoke`,
      () => ({ who: 'user:dev|new', role: 'viewer', object: 'nonsense' }),
      status.INVALID_ARGUMENT,
      { action: 'access.revoke', decision: 'error', reason: 'OBJECT_INVALID' },
    ],
    [
      `${RUNS}/StopRun`,
      () => Buffer.from('ffff', 'hex'),
      status.INVALID_ARGUMENT,
      { action: 'runs.stop', decision: 'error', reason: 'REQUEST_MALFORMED' },
    ],
    [
      `${FLOWER}/StopRun`,
      () => ({ runId: own }),
      status.OK,
      { action: 'runs.stop', object: 'run:OWN', asked_right: 'can_stop', decision: 'allow', reason: '' },
    ],
  ];

  test.each(cases)('AU-01: %s leaves one row before its answer', async (path, ask, code, expected) => {
    const { answer, rows } = await audited(path, { request: ask(), metadata: token });
    expect({ code: answer.code, details: answer.details }).toMatchObject({ code });
    const named = rows.map((row) => ({ ...row, object: row.object.replace(String(own), 'OWN') }));
    expect(named).toMatchObject([{ principal: 'user:dev|carol', session_id: session, ...expected }]);
  });

  test.each(OTHER_CALLS)('AU-01: $path leaves one row that names its object: $row.action', async (one) => {
    const { path, request, code, row } = one;
    const { answer, rows } = await audited(path, { request, metadata: token });
    expect({ code: answer.code, details: answer.details }).toMatchObject({ code });
    expect(rows).toMatchObject([{ principal: 'user:dev|carol', session_id: session, ...row }]);
  });

  test.each([
    ['no credential', {}, 'LOGIN_REQUIRED'],
    ['a forged token', bearer('eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYXJvbCJ9.'), 'TOKEN_INVALID'],
    ['a forged pair', flowerPair({ access: 'a.b.c', refresh: 'd' }), 'TOKEN_INVALID'],
  ])('AU-01: a call with %s leaves one row that names nobody', async (_what, metadata, reason) => {
    for (const path of [`${RUNS}/StopRun`, `${FLOWER}/ListRuns`, `${SESSIONS}/WhoAmI`]) {
      const answer: Answer = await wire.call(path, { request: EVERYTHING, metadata });
      expect(answer).toMatchObject({ code: status.UNAUTHENTICATED, reason });
      const nobody = { principal: '', session_id: '', object: '', decision: 'deny', reason };
      expect(rowsOf('request_id', answer.requestId)).toMatchObject([nobody]);
    }
  });

  test('AU-01: a login, its renewal and its end leave a row each; a poll that stays pending and public facts none', async () => {
    const info = await audited(`${SESSIONS}/GetServerInfo`, { request: { probe: false } });
    expect(info.rows).toEqual([]);
    const start = await audited(`${SESSIONS}/StartLogin`, { request: EVERYTHING });
    expect(start.rows).toMatchObject([{ action: 'login.start', decision: 'allow' }]);
    const [{ handle, verificationUriComplete: url }] = start.answer.messages as [Started];
    const pending = await audited(`${SESSIONS}/PollLogin`, { request: { handle } });
    expect(pending).toMatchObject({ answer: { code: status.OK }, rows: [] });

    await carol.approve(url);
    const approved = await until(async () => {
      const poll = await audited(`${SESSIONS}/PollLogin`, { request: { handle } });
      return poll.rows.length > 0 && poll;
    });
    expect(approved.rows).toMatchObject([{ action: 'login.poll', decision: 'allow' }]);
    const [{ tokens }] = approved.answer.messages as [{ tokens: Pair }];

    const whose = { principal: 'user:dev|carol', session_id: tokens.sessionId };
    const renewal = await audited(`${SESSIONS}/Renew`, { request: { refreshToken: tokens.refreshToken } });
    expect(renewal.rows).toMatchObject([{ action: 'session.renew', decision: 'allow', ...whose }]);
    const end = await audited(`${SESSIONS}/Logout`, { request: { refreshToken: tokens.refreshToken } });
    expect(end.rows).toMatchObject([{ action: 'session.logout', decision: 'allow', ...whose }]);
    const after = await audited(`${SESSIONS}/Renew`, { request: { refreshToken: tokens.refreshToken } });
    expect(after.rows).toMatchObject([{ action: 'session.renew', decision: 'deny', reason: after.answer.reason }]);
  }, 30_000);

  test.each([
    ['AwaitLogin', { action: 'login.await', decision: 'deny', reason: 'LOGIN_EXPIRED' }],
    ['FinishLogin', { action: 'login.finish', decision: 'deny', reason: 'LOGIN_EXPIRED' }],
    ['PasswordLogin', { action: 'login.password', decision: 'error', reason: 'GRANT_NOT_OFFERED' }],
    ['ExchangeToken', { action: 'token.exchange', decision: 'error' }],
    ['GetProviderToken', { action: 'token.provider', decision: 'deny', reason: 'LOGIN_REQUIRED' }],
  ])('AU-01: %s of a stranger leaves one row', async (rpc, row) => {
    expect((await audited(`${SESSIONS}/${rpc}`, { request: EVERYTHING })).rows).toMatchObject([row]);
  });

  test.each([
    ['GET', '/device?code=BCDF-GHJK', '', { action: 'login.page', decision: 'deny', reason: 'LOGIN_UNKNOWN' }],
    ['GET', '/oidc/callback/dev?code=x&state=y', '', { action: 'login.callback', decision: 'deny' }],
    ['POST', '/oidc/backchannel-logout/dev', 'logout_token=x', { action: 'session.provider-logout' }],
  ] as const)('AU-01: %s %s of a browser leaves one row', async (method, path, body, row) => {
    const before = rowsOf('user_agent', agent).length;
    const headers = { 'user-agent': agent, 'content-type': 'application/x-www-form-urlencoded' };
    const dispatcher = new Agent({ connect: { ca: readFileSync(stack.ca) } });
    const answer = await request(`${stack.https}${path}`, { method, headers, body: body || null, dispatcher });
    await answer.body.dump();
    await dispatcher.close();
    expect(rowsOf('user_agent', agent).slice(before)).toMatchObject([row]);
  });

  /** They need a login by the page: test/integration/identity/await-wire.test.ts. */
  const ELSEWHERE: readonly string[] = ['login.confirm', 'login.deny'];

  test('AU-01: no method that is to be recorded has been forgotten here', () => {
    const recorded = Object.entries(POLICY).filter(([name, row]) => row.audit !== 'none' && !ELSEWHERE.includes(name));
    const seen = [...rowsOf('user_agent', agent), ...rowsOf('session_id', session)].map((row) => row.action);
    for (const [method] of recorded) expect(seen).toContain(method);
  });

  test('SEC-01: no secret that occurred is in a database, a log, the engine, OpenFGA, metrics or any output', async () => {
    const first = carol.tokens();
    const renewed = await wire.call(`${SESSIONS}/Renew`, { request: { refreshToken: first.refresh } });
    const [{ tokens: pair }] = renewed.messages as [{ tokens: Pair }];
    const started = await wire.call(`${SESSIONS}/StartLogin`, { request: EVERYTHING });
    const [{ handle }] = started.messages as [Started];
    await wire.call(`${SESSIONS}/PollLogin`, { request: { handle } });
    await carol.flwr.login();
    const canaries = [
      ...tokenCanaries('fedctl login', first),
      ...tokenCanaries('renewal', { access: pair.accessToken, refresh: pair.refreshToken }),
      ...tokenCanaries('flwr login', carol.flwr.tokens()),
      { name: 'handle of a login', text: handle },
      ...providerCanaries(stack.state),
      ...stackCanaries(stack.state, stack.accounts),
    ];
    await carol.json(['logout']);

    const sinks = sinksOf(stack.state);
    sinks.set('output', Buffer.from(people.said()));
    sinks.set('metrics', Buffer.from(await metricsText()));
    expect([...sinks.keys()]).toEqual(
      expect.arrayContaining(['server/fedctl.db', 'logs/control-plane.log', 'engine/superlink/state.db']),
    );
    // What must be there is found: the search itself works.
    expect(findCanaries([{ name: 'session id', text: session }], sinks).join()).toMatch(
      /session id in server\/fedctl\.db/,
    );
    expect(canaries.length).toBeGreaterThan(12);
    expect(findCanaries(canaries, sinks)).toEqual([]);
  }, 60_000);

  async function metricsText(): Promise<string> {
    const ca = readFileSync(stack.ca);
    const response = await request(`${stack.https}/metrics`, { dispatcher: new Agent({ connect: { ca } }) });
    expect(response.statusCode).toBe(200);
    return response.body.text();
  }
});

function listOne(runId: bigint) {
  return { runId, runIdPrefix: '', limit: 1, cursor: '', federation: '', mine: false };
}
