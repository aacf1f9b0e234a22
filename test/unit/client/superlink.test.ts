import { describe, expect, test } from '@jest/globals';
import { pageOf, runOf } from '../../../src/client/superlink/run-facts.ts';
import { superlinkRuns } from '../../../src/client/superlink/runs.ts';
import { plainConfig } from '../../../src/client/superlink/scalars.ts';
import { aboutRun, openSuperlinkSession } from '../../../src/client/superlink/session.ts';
import { newTokens } from '../../../src/client/superlink/tokens.ts';
import { AppError } from '../../../src/core/errors.ts';
import type { FlowerControl } from '../../../src/flower/control.ts';
import { flowerFailure } from '../../../src/flower/failure.ts';
import type { StartRunHeader } from '../../../src/gen/fedctl/v1/runs.ts';
import { Run as FlowerRun } from '../../../src/gen/flwr/proto/run.ts';

const flowerRun = (runId: bigint, pendingAt: string, over: Partial<FlowerRun> = {}) =>
  FlowerRun.fromPartial({ runId, pendingAt, fabId: 'lab/app', federation: '@none/default', ...over });

describe('runs of a SuperLink in our words', () => {
  test.each([
    [{ status: 'pending', subStatus: '', details: '' }, 'pending', 'Waiting for the engine to start it.'],
    [{ status: 'finished', subStatus: 'failed', details: 'boom' }, 'finished:failed', 'boom'],
    [{ status: 'dreaming', subStatus: '', details: '' }, 'dreaming', ''],
    [undefined, '', ''],
  ])('%j', (status, ours, reason) => {
    expect(runOf(flowerRun(7n, '', { status }))).toMatchObject({ runId: 7n, status: ours, reason, mine: false });
  });

  test('who everybody is where there is no login is nobody', () => {
    const owner = (accountName: string, flwrAid: string) => runOf(flowerRun(1n, '', { accountName, flwrAid })).owner;
    expect([owner('none', '<id:none>'), owner('<none>', ''), owner('', 'sys_noauth')]).toEqual(['', '', '']);
    expect([owner('alice', 'x-1'), owner('', 'x-1')]).toEqual(['alice', 'x-1']);
  });
});

describe('pages that a SuperLink does not know', () => {
  const all = [3n, 1n, 2n, 12n].map((id) => runOf(flowerRun(id, `2026-01-0${id % 10n}`)));
  const ask = { runIdPrefix: '', limit: 2, cursor: '', federation: '' };

  test('newest first, each run on one page', () => {
    const first = pageOf(all, ask);
    expect(first.runs.map(({ runId }) => runId)).toEqual([3n, 12n]);
    const second = pageOf([...all, runOf(flowerRun(9n, '2026-01-09'))], { ...ask, cursor: first.nextCursor });
    expect(second).toMatchObject({ runs: [{ runId: 2n }, { runId: 1n }], nextCursor: '' });
  });

  test('by prefix and by federation', () => {
    expect(pageOf(all, { ...ask, runIdPrefix: '1', limit: 0 }).runs.map(({ runId }) => runId)).toEqual([12n, 1n]);
    expect(pageOf(all, { ...ask, federation: '@lab/other' })).toEqual({ runs: [], nextCursor: '' });
  });

  test('a cursor that is none', () => {
    expect(() => pageOf(all, { ...ask, cursor: 'c2' })).toThrow(expect.objectContaining({ reason: 'CURSOR_INVALID' }));
  });
});

test('a configuration keeps its types', () => {
  const plain = plainConfig({ a: { sint64: 3n }, b: { double: 0.5 }, c: { bool: false }, d: { string: '' } });
  expect({ ...plain }).toEqual({ a: 3n, b: 0.5, c: false, d: '' });
});

test('a pair says how long it lives where it is a JWT, else nothing', () => {
  const part = Buffer.from(JSON.stringify({ iat: 100, exp: 700, sid: 's1' })).toString('base64url');
  expect(newTokens({ accessToken: `x.${part}.x`, refreshToken: 'r' })).toMatchObject({
    expiresIn: 600,
    sessionId: 's1',
  });
  expect(newTokens({ accessToken: 'opaque', refreshToken: 'r' })).toMatchObject({ expiresIn: 0, sessionId: '' });
});

const HEADER: StartRunHeader = {
  requestId: 'r1',
  federation: '',
  runConfig: {},
  federationConfig: {},
  bundleSize: 3n,
  bundleSha256: 'ab',
};

/** A SuperLink whose calls all end so; nothing listens at its address. */
function failing(failure: Error) {
  let calls = 0;
  const control: FlowerControl = {
    transport: 'grpc',
    call: async () => {
      calls += 1;
      throw failure;
    },
    stream: () => {
      throw failure;
    },
    losses: () => 0,
    close: () => undefined,
  };
  const endpoint = { address: '127.0.0.1:1', rootCertificates: undefined, insecure: true };
  const session = openSuperlinkSession({ control, endpoint, login: undefined });
  const runs = superlinkRuns(session, async () => 4);
  const start = () => runs.start({ header: HEADER, bundle: new Uint8Array(3), onProgress: () => {}, onNote: () => {} });
  return { runs, start, calls: () => calls };
}

describe('I3: a submission whose answer was lost', () => {
  test('is not repeated, and says that a run may have been started', async () => {
    const link = failing(flowerFailure({ kind: 'unavailable', code: 'UNAVAILABLE' }));
    await expect(link.start()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('may have started the run'),
      hint: expect.stringContaining('second run'),
    });
    expect(link.calls()).toBe(1);
  });

  test('one that was never sent, or was refused, is told as that', async () => {
    const away = failing(flowerFailure({ kind: 'unreachable' }));
    await expect(away.start()).rejects.toMatchObject({ code: 'UNAVAILABLE', reason: 'SERVER_REFUSED' });
    const refusing = failing(flowerFailure({ kind: 'refused', code: 'FAILED_PRECONDITION', text: 'No such app.' }));
    await expect(refusing.start()).rejects.toMatchObject({ reason: 'SUPERLINK_REFUSED', message: 'No such app.' });
  });
});

describe('what a SuperLink says no with', () => {
  test.each([
    ['UNAUTHENTICATED', 'Access denied', 'INSECURE_REFUSED'],
    ['PERMISSION_DENIED', '', 'NOT_PERMITTED'],
    ['UNIMPLEMENTED', 'Method not found!', 'NOT_SERVED_HERE'],
    ['INTERNAL', '', 'SUPERLINK_FAILED'],
  ] as const)('%s', async (code, text, reason) => {
    const { runs } = failing(flowerFailure({ kind: 'refused', code, text }));
    const list = runs.list({ runIdPrefix: '', limit: 1, cursor: '', federation: '', mine: false });
    const error = await list.then(
      () => undefined,
      (thrown: AppError) => thrown,
    );
    expect(error).toMatchObject({ reason });
    if (text !== '') expect(error?.message).not.toContain(text);
  });

  test('an unknown run is named by its id', () => {
    const unknown = new AppError('NOT_FOUND', 'NOT_FOUND', 'Run ID not found');
    expect(aboutRun(7n, unknown)).toMatchObject({ reason: 'RUN_NOT_FOUND', message: 'The SuperLink has no run 7.' });
  });
});
