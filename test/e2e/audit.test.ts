import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent, request } from 'undici';
import { type Answer, bearer, flowerPair, openWire } from '../support/calls.ts';
import { findCanaries, providerCanaries, sinksOf, stackCanaries, tokenCanaries } from '../support/canaries.ts';
import { invitePeople } from '../support/people.ts';
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

const RUNS = '/fedctl.v1.Runs';
const ACCESS = '/fedctl.v1.Access';
const SESSIONS = '/fedctl.v1.Sessions';
const FLOWER = '/flwr.proto.Control';
const EVERYTHING = Buffer.alloc(0);

describe('the audit trail', () => {
  const stack = sharedStack();
  const people = invitePeople(stack);
  const carol = people.person('carol');
  const wire = openWire(stack);
  const database = new DatabaseSync(join(stack.state, 'server/fedctl.db'), { readOnly: true });
  const rowsOf = (column: 'session_id' | 'request_id', value: string): Row[] =>
    database.prepare(`SELECT * FROM audit WHERE ${column} = ? ORDER BY seq`).all(value) as unknown as Row[];
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
    const before = rowsOf('session_id', session).length;
    const answer = await wire.call(path, { request: ask(), metadata: token });
    expect({ code: answer.code, details: answer.details }).toMatchObject({ code });
    const rows = rowsOf('session_id', session).slice(before);
    const named = rows.map((row) => ({ ...row, object: row.object.replace(String(own), 'OWN') }));
    expect(named).toMatchObject([{ principal: 'user:dev|carol', ...expected }]);
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

  test('SEC-01: no secret that occurred is in a database, a log, the engine, OpenFGA, metrics or any output', async () => {
    const first = carol.tokens();
    const renewed = await wire.call(`${SESSIONS}/Renew`, { request: { refreshToken: first.refresh } });
    const [{ tokens: pair }] = renewed.messages as [{ tokens: { accessToken: string; refreshToken: string } }];
    const started = await wire.call(`${SESSIONS}/StartLogin`, { request: { provider: '', client: 'test', host: '' } });
    const [{ handle }] = started.messages as [{ handle: string }];
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
