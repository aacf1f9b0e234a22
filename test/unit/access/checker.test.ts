import { describe, expect, test } from '@jest/globals';
import type { AccessQuestion } from '../../../src/core/access.ts';
import { createChecker } from '../../../src/server/access/checker.ts';
import { createDecisionCache } from '../../../src/server/access/decisions.ts';
import { unavailable } from '../../../src/server/access/failures.ts';
import { createGrantMap } from '../../../src/server/access/grant-map.ts';
import type { Asked } from '../../../src/server/access/questions.ts';

/** A checker whose OpenFGA answers when the test says so. */
function setUp() {
  const rounds: {
    asked: readonly Asked[];
    consistent: boolean;
    answer(answers: readonly boolean[]): void;
    fail(): void;
  }[] = [];
  const askMany = (asked: readonly Asked[], _: unknown, consistent: boolean) => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly boolean[]>();
    rounds.push({ asked, consistent, answer: resolve, fail: () => reject(unavailable('test')) });
    return promise;
  };
  const ask = async (asked: Asked, pin: unknown, consistent: boolean) =>
    (await askMany([asked], pin, consistent))[0] ?? false;
  const map = createGrantMap();
  const cache = createDecisionCache({
    cacheMs: 5_000,
    clock: { now: () => 0, monotonic: () => 0 },
    current: () => true,
    nextEnd: map.nextEnd,
  });
  const checker = createChecker({
    questioner: { ask, askMany, prove: askMany as never },
    cache,
    pin: () => ({ storeId: 's', modelId: 'm' }),
    defines: () => true,
    known: () => map,
  });
  return { checker, cache, map, rounds };
}

function question(name: string): AccessQuestion {
  const subject = { principal: `user:dev|${name}`, issuerAlias: 'dev', groups: [] };
  return { subject, right: 'can_view', object: { type: 'run', id: 1n, owner: subject.principal, federation: '@a/b' } };
}

describe('the checker', () => {
  test('T-33: an answer that was under way when grants changed is neither kept nor joined', async () => {
    const { checker, cache, rounds } = setUp();
    const before = checker.check(question('ann'));
    cache.drop();
    const after = checker.check(question('ann'));
    expect(rounds).toHaveLength(2);
    rounds[1]?.answer([false]);
    rounds[0]?.answer([true]);
    expect([await before, await after]).toEqual([true, false]);
    expect(await checker.check(question('ann'))).toBe(false);
  });

  test('one failed question fails the call, for all who wait for it, and is asked again next time', async () => {
    const { checker, rounds } = setUp();
    const calls = [checker.checkMany([question('ann'), question('ben')]), checker.check(question('ben'))];
    expect(rounds).toHaveLength(1);
    rounds[0]?.fail();
    for (const call of calls) await expect(call).rejects.toMatchObject({ reason: 'AUTHORIZATION_UNAVAILABLE' });
    const again = checker.check(question('ben'));
    rounds[1]?.answer([true]);
    expect(await again).toBe(true);
  });

  test('an answer that is missing is an error', async () => {
    const { checker, rounds } = setUp();
    const call = checker.checkMany([question('ann'), question('ben')]);
    rounds[0]?.answer([true]);
    await expect(call).rejects.toMatchObject({ reason: 'AUTHORIZATION_UNAVAILABLE' });
  });

  test('fresh questions are never joined, cached or answered from the cache', async () => {
    const { checker, rounds } = setUp();
    const one = checker.check(question('ann'), { fresh: true });
    const two = checker.check(question('ann'), { fresh: true });
    rounds[0]?.answer([true]);
    rounds[1]?.answer([false]);
    expect([await one, await two]).toEqual([true, false]);
    expect(rounds.map(({ consistent }) => consistent)).toEqual([true, true]);
    const cached = checker.check(question('ann'));
    rounds[2]?.answer([true]);
    expect(await cached).toBe(true);
  });
});
