import { describe, expect, test } from '@jest/globals';
import type { AppError } from '../../../src/core/errors.ts';
import type { Credentials, Handlers, Services } from '../../../src/server/rpc/call.ts';
import { handlers } from '../../../src/server/rpc/handlers/index.ts';
import type { Input, MethodName } from '../../../src/server/rpc/methods.ts';
import { createPipeline } from '../../../src/server/rpc/pipeline.ts';
import { POLICY } from '../../../src/server/rpc/policy.ts';
import { aRun, servicesWith } from './fakes.ts';

const GOOD: Credentials = { kind: 'bearer', accessToken: 'good' };

function call<M extends MethodName>(
  services: Services,
  method: M,
  input: Input<M>,
  options: { credentials?: Credentials; table?: Handlers; read?: () => void } = {},
) {
  const dispatch = createPipeline(services, options.table ?? handlers);
  return dispatch({
    method,
    peer: { address: '127.0.0.1', userAgent: 'test' },
    signal: new AbortController().signal,
    credentials: () => options.credentials ?? GOOD,
    input: async () => {
      options.read?.();
      return input;
    },
    accepted: () => {},
  }).result;
}

async function failure(promise: Promise<unknown>): Promise<AppError> {
  return promise.then(
    () => Promise.reject(new Error('it should have failed')),
    (error) => error as AppError,
  );
}

describe('the one path of every call', () => {
  test('AT-16: every method has a policy row and a handler, and an unknown method is denied', async () => {
    expect(Object.keys(POLICY).sort()).toEqual(Object.keys(handlers).sort());
    const { services } = servicesWith({ may: () => true });
    const error = await failure(call(services, 'admin.everything' as MethodName, {} as never));
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'METHOD_UNKNOWN' });
  });

  test('AT-14: without credentials nothing is read, decided or done', async () => {
    const { services, asked, audit } = servicesWith({ may: () => true });
    let read = false;
    const options = {
      credentials: { kind: 'none' } as const,
      read: () => {
        read = true;
      },
    };
    const error = await failure(call(services, 'runs.stop', { runId: 42n }, options));
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'LOGIN_REQUIRED' });
    expect({ read, asked }).toEqual({ read: false, asked: [] });
    expect(audit.map(({ row }) => [row.decision, row.reason])).toEqual([['deny', 'LOGIN_REQUIRED']]);
  });

  test('T-35: an unknown run and a foreign run give the same error after the same questions', async () => {
    const foreign = servicesWith({ may: () => false, runs: [aRun()] });
    const unknown = servicesWith({ may: () => false, runs: [] });
    for (const method of ['runs.stop', 'runs.get'] as const) {
      const a = await failure(call(foreign.services, method, { runId: 42n }));
      const b = await failure(call(unknown.services, method, { runId: 42n }));
      expect([a.code, a.reason, a.message, a.hint]).toEqual([b.code, b.reason, b.message, b.hint]);
      expect(a.code).toBe('NOT_FOUND');
    }
    expect(foreign.asked.map(({ question, fresh }) => [question.right, fresh])).toEqual(
      unknown.asked.map(({ question, fresh }) => [question.right, fresh]),
    );
  });

  test('T-35: an unknown run stays unknown to those who may see every run', async () => {
    const { services } = servicesWith({ may: () => true, runs: [] });
    expect(await failure(call(services, 'runs.get', { runId: 42n }))).toMatchObject({ reason: 'RUN_NOT_FOUND' });
  });

  test('a run that may be seen but not stopped is refused by name of the right', async () => {
    const { services } = servicesWith({ may: ({ right }) => right === 'can_view', runs: [aRun()] });
    const error = await failure(call(services, 'runs.stop', { runId: 42n }));
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'NOT_PERMITTED' });
    expect(error.message).toContain('can_stop');
  });

  test('a quarantined run is there for system admins only', async () => {
    const run = aRun({ quarantined: true, owner: '', ownerAccountId: '' });
    const viewer = servicesWith({ may: ({ object }) => object.type !== 'system', runs: [run] });
    expect(await failure(call(viewer.services, 'runs.get', { runId: 42n }))).toMatchObject({ reason: 'RUN_NOT_FOUND' });
    const admin = servicesWith({ may: ({ object }) => object.type === 'system', runs: [run] });
    const error = await failure(call(admin.services, 'runs.get', { runId: 42n }));
    expect(error.reason).toBe('INTERNAL'); // decided "yes": it got as far as the run service, which this test has none of
  });

  test('T-33: mutations ask afresh, reads may use the cache', async () => {
    const { services, asked } = servicesWith({ may: () => false, runs: [aRun()] });
    await failure(call(services, 'runs.stop', { runId: 42n }));
    expect(asked.every(({ fresh }) => fresh)).toBe(true);
    asked.length = 0;
    await failure(call(services, 'runs.get', { runId: 42n }));
    expect(asked.some(({ fresh }) => fresh)).toBe(false);
  });

  test('AU-01: a mutation that cannot be recorded is not done', async () => {
    let done = false;
    const { services } = servicesWith({
      may: () => true,
      runs: [aRun()],
      over: {
        audit: {
          record: () => Promise.reject(new Error('disk full')),
          recordGrouped: () => Promise.reject(new Error('disk full')),
        },
      },
    });
    const table = {
      ...handlers,
      'runs.stop': async () => {
        done = true;
        return { run: aRun(), mine: false };
      },
    };
    const error = await failure(call(services, 'runs.stop', { runId: 42n }, { table }));
    expect(done).toBe(false);
    expect(error.code).toBe('INTERNAL');
  });

  test('AU-01: a read is recorded before it is answered', async () => {
    const order: string[] = [];
    const { services } = servicesWith({
      may: () => true,
      runs: [aRun()],
      over: {
        audit: {
          record: async () => {},
          recordGrouped: async () => {
            await new Promise((resolve) => setImmediate(resolve));
            order.push('recorded');
          },
        },
      },
    });
    const table = { ...handlers, 'runs.get': async () => ({ run: { run: aRun(), mine: false }, now: 0 }) };
    await call(services, 'runs.get', { runId: 42n }, { table }).then(() => order.push('answered'));
    expect(order).toEqual(['recorded', 'answered']);
  });

  test('T-05: what nobody foresaw goes out as a fixed text with a reference', async () => {
    const { services } = servicesWith({ may: () => true, runs: [aRun()] });
    const table = {
      ...handlers,
      'runs.stop': () => Promise.reject(new Error('password=hunter2 in /var/lib/secret')),
    };
    const error = await failure(call(services, 'runs.stop', { runId: 42n }, { table }));
    expect(error).toMatchObject({ code: 'INTERNAL', reason: 'INTERNAL' });
    expect(JSON.stringify([error.message, error.hint])).not.toMatch(/hunter2|secret/);
    expect(error.message).toMatch(/reference [0-9a-f]{24}/);
  });
});

describe('runs.list', () => {
  const rows = Array.from({ length: 7 }, (_, index) =>
    aRun({ key: `run-${index}`, id: BigInt(index), createdAt: 1000 - index }),
  );
  const input = { idPrefix: '', limit: 2, cursor: '', federation: '', mine: false };

  test('pages hold only what each check allows, and the cursor loses and repeats nothing', async () => {
    const odd = servicesWith({ may: ({ object }) => object.type !== 'run' || object.id % 2n === 1n, runs: rows });
    const seen: bigint[] = [];
    let cursor = '';
    let pages = 0;
    do {
      const page = await call(odd.services, 'runs.list', { ...input, cursor });
      seen.push(...page.runs.map(({ run }) => run.id ?? -1n));
      cursor = page.nextCursor;
      pages += 1;
    } while (cursor !== '' && pages < 10);
    expect(seen).toEqual([1n, 3n, 5n]);
  });

  test('a full last page has no cursor', async () => {
    const { services } = servicesWith({ may: () => true, runs: rows.slice(0, 2) });
    const page = await call(services, 'runs.list', input);
    expect([page.runs.length, page.nextCursor]).toEqual([2, '']);
  });

  test.each(['x', 'AAAA', Buffer.from('1 ../../etc').toString('base64url')])(
    'a cursor that is none is refused: %s',
    async (cursor) => {
      const { services } = servicesWith({ may: () => true, runs: rows });
      expect(await failure(call(services, 'runs.list', { ...input, cursor }))).toMatchObject({
        reason: 'CURSOR_INVALID',
      });
    },
  );
});
