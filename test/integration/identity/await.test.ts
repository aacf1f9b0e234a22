import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { LoginPoll } from '../../../src/core/services.ts';
import { type EvilIdp, startEvilIdp } from '../../support/evil-idp.ts';
import { collect } from '../../support/until.ts';
import { browserSecret, person, signInByPage, tokensOf, withoutDevice } from './people.ts';
import { asked, type Bench, evilIssuer, openBench, peer, reasonOf } from './setup.ts';

let idp: EvilIdp;
let bench: Bench;
const ended: (() => Promise<void>)[] = [];

beforeEach(async () => {
  idp = await startEvilIdp();
});
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
  await bench.cleanup();
  await idp.stop();
});

const pending = { status: 400, json: { error: 'authorization_pending' } };
const soon = () => AbortSignal.timeout(20_000);

/** A client that waits and has been told so. */
async function wait(server: Bench, handle: string, signal = soon()) {
  const polls = server.login.await(handle, signal)[Symbol.asyncIterator]();
  const first = await polls.next();
  return { first: first.value as LoginPoll, next: polls.next() };
}

describe('waiting for a login by the page', () => {
  beforeEach(async () => {
    withoutDevice(idp);
    bench = await openBench(evilIssuer(idp));
  });

  test('the answer comes with the approval itself: where looking into the store tells nothing, too', async () => {
    const blind = { ...bench.store, openLogins: async (hashes: readonly string[]) => new Set(hashes) };
    const pushing = await bench.replica({ logins: blind });
    ended.push(() => pushing.cleanup());
    const { handle, answer, browser } = await signInByPage(pushing, idp);
    const { first, next } = await wait(pushing, handle);
    expect(first).toEqual({ state: 'pending', interval: 1 });
    await pushing.pages.callback('test', answer, browser, person);
    expect(tokensOf((await next).value).accountHandle).toBe('alice');
    expect(await reasonOf(bench.login.poll(handle))).toBe('LOGIN_EXPIRED');
  });

  test('an approval in another process is seen within a moment', async () => {
    const other = await bench.replica();
    ended.push(() => other.cleanup());
    const { handle, answer, browser } = await signInByPage(bench, idp);
    const { next } = await wait(other, handle);
    await bench.pages.callback('test', answer, browser, person);
    tokensOf((await next).value);
  });

  test('a denial, here or in another process, ends the wait', async () => {
    const other = await bench.replica();
    ended.push(() => other.cleanup());
    for (const denying of [bench, other]) {
      const { handle, userCode } = await bench.login.start(asked, peer);
      const { next } = await wait(bench, handle);
      await denying.pages.deny(userCode, person);
      expect(await reasonOf(next)).toBe('LOGIN_DENIED');
    }
  });

  test('T-02: a second client takes the place of the first, which is told; one of them gets tokens', async () => {
    const { handle, answer, browser } = await signInByPage(bench, idp);
    const first = await wait(bench, handle);
    const refused = reasonOf(first.next);
    const second = await wait(bench, handle);
    expect(await refused).toBe('LOGIN_AWAITED_ELSEWHERE');
    await bench.pages.callback('test', answer, browser, person);
    tokensOf((await second.next).value);
  });

  test('a client that goes away frees its place, and the login stays for the next one', async () => {
    const crowded = await openBench(evilIssuer(idp), { limits: { pending: 2 } });
    ended.push(() => crowded.cleanup());
    const { handle, answer, browser } = await signInByPage(crowded, idp);
    const gone = new AbortController();
    const { next } = await wait(crowded, handle, gone.signal);
    gone.abort();
    expect((await next).done).toBe(true);
    await crowded.pages.callback('test', answer, browser, person);
    const polls = await collect(crowded.login.await(handle, soon()));
    expect(polls.map(({ state }) => state)).toEqual(['approved']);
    expect(await collect(crowded.login.await((await crowded.login.start(asked, peer)).handle, gone.signal))).toEqual(
      [],
    );
  });

  test('nobody waits for what is no login', async () => {
    for (const handle of ['', 'x', `fedlg_${'A'.repeat(43)}`])
      expect(await reasonOf(collect(bench.login.await(handle, soon())))).toBe('LOGIN_EXPIRED');
  });

  test('an approval between start and wait is not missed', async () => {
    const { handle, answer, browser } = await signInByPage(bench, idp);
    const waiting = collect(bench.login.await(handle, soon()));
    const approving = bench.pages.callback('test', answer, browser, person);
    await approving;
    tokensOf((await waiting).at(-1));
  });

  test('20 clients wait at once; each gets its own', async () => {
    const open = await openBench(evilIssuer(idp), { limits: { startsPerMinute: 100 } });
    ended.push(() => open.cleanup());
    const logins = await Promise.all(Array.from({ length: 20 }, () => signInByPage(open, idp)));
    const all = logins.map(({ handle }) => collect(open.login.await(handle, soon())));
    for (const { answer, browser } of logins) await open.pages.callback('test', answer, browser, person);
    const sessions = (await Promise.all(all)).map((polls) => tokensOf(polls.at(-1)).sessionId);
    expect(new Set(sessions).size).toBe(20);
  });
});

describe('waiting for a login by the device grant', () => {
  beforeEach(async () => {
    bench = await openBench(evilIssuer(idp));
    // As fast as a provider may be asked.
    idp.on('/device', () => ({
      json: { device_code: 'd', user_code: 'AB-CD', verification_uri: `${idp.issuer}/v`, expires_in: 600, interval: 1 },
    }));
  });

  test('DG-09: it is polled for the client at its own pace, and approved', async () => {
    const answers = [pending];
    const at: number[] = [];
    idp.on('/token', () => {
      at.push(performance.now());
      return answers.shift() ?? idp.tokens();
    });
    const began = performance.now();
    const { handle } = await bench.login.start(asked, peer);
    const polls = await collect(bench.login.await(handle, soon()));
    expect(polls.map(({ state }) => state)).toEqual(['pending', 'approved']);
    expect(at.map((time, i) => time - (at[i - 1] ?? began) > 950)).toEqual([true, true]);
  });

  test('DG-03: it is told of a slower pace', async () => {
    idp.on('/token', () => ({ status: 400, json: { error: 'slow_down' } }));
    const { handle } = await bench.login.start(asked, peer);
    const { first, next } = await wait(bench, handle);
    expect(first).toEqual({ state: 'pending', interval: 1 });
    expect((await next).value).toEqual({ state: 'slow_down', interval: 6 });
  });

  test('DG-09: who polls beside a waiting client makes nobody ask more often', async () => {
    idp.on('/token', () => pending);
    const { handle } = await bench.login.start(asked, peer);
    const gone = new AbortController();
    const waiting = collect(bench.login.await(handle, gone.signal));
    for (const end = performance.now() + 2500; performance.now() < end; ) await bench.login.poll(handle);
    gone.abort();
    expect((await waiting)[0]).toEqual({ state: 'pending', interval: 1 });
    expect(idp.count('/token')).toBeLessThanOrEqual(2);
  });

  test('DG-07: never after the end of the login', async () => {
    idp.on('/token', () => pending);
    const { handle } = await bench.login.start(asked, peer);
    bench.clock.advance(600_000);
    expect(await reasonOf(collect(bench.login.await(handle, soon())))).toBe('LOGIN_EXPIRED');
    expect(idp.count('/token')).toBe(0);
  });

  test('DG-06: a denial at the provider ends the wait', async () => {
    idp.on('/token', () => ({ status: 400, json: { error: 'access_denied' } }));
    const { handle } = await bench.login.start(asked, peer);
    expect(await reasonOf(collect(bench.login.await(handle, soon())))).toBe('LOGIN_DENIED');
  });
});

test('a page that is opened costs a waiting client nothing', async () => {
  withoutDevice(idp);
  bench = await openBench(evilIssuer(idp));
  const { handle, userCode } = await bench.login.start(asked, peer);
  const { next } = await wait(bench, handle);
  await bench.pages.page(userCode, person);
  await bench.pages.confirm(userCode, browserSecret(), person);
  await bench.pages.deny(userCode, person);
  expect(await reasonOf(next)).toBe('LOGIN_DENIED');
});
