import { afterEach, expect, test } from '@jest/globals';
import type { TrustRule } from '../../../src/server/identity/index.ts';
import { type ExchangeBench, openExchange, request, rule, trusting } from './exchange-setup.ts';
import { peer, reasonOf } from './setup.ts';

let bench: ExchangeBench;
afterEach(() => bench.cleanup());

/** The server after a restart with these rules, on the same database. */
const restarted = (...rules: readonly TrustRule[]) =>
  bench.replica({ trust: { issuers: [trusting(bench.ci.issuer)], rules } });

test.each<[string, Partial<TrustRule>]>([
  ['gives fewer scopes', { scopes: ['runs:read'] }],
  ['is for another account', { serviceAccount: 'looker' }],
  ['gives less time', { maxLifeMs: 60_000 }],
])('TX-05: a rule that %s from a restart on ends the sessions of before', async (_name, change) => {
  bench = await openExchange();
  const token = bench.token();
  const ours = (await bench.exchange.exchange(request(token), peer)).accessToken;
  const before = await bench.sessions.authenticate(token, peer);
  const next = await restarted(rule(change));
  expect(await reasonOf(next.sessions.authenticate(ours, peer))).toBe('SESSION_ENDED');
  expect(await reasonOf(next.sessions.assertAlive(before.session.id))).toBe('SESSION_ENDED');
  const { session, account, scopes } = await next.sessions.authenticate(token, peer);
  expect(session.id).not.toBe(before.session.id);
  expect(account.subject).toBe(change.serviceAccount ?? 'trainer');
  expect(scopes).toEqual(change.scopes);
  expect(session.expiresAt - session.createdAt).toBeLessThanOrEqual(change.maxLifeMs ?? 900_000);
  const exchanged = await next.exchange.exchange(request(token), peer);
  expect(exchanged).toMatchObject({ sessionId: session.id, scopes: change.scopes });
});

test('TX-05: with its rule unchanged, and another one beside, a session lives through a restart', async () => {
  bench = await openExchange();
  const token = bench.token();
  const { sessionId } = await bench.exchange.exchange(request(token), peer);
  const next = await restarted(rule({ claims: { ref: 'refs/heads/other' }, serviceAccount: 'other' }), rule());
  expect((await next.sessions.authenticate(token, peer)).session.id).toBe(sessionId);
});

test('TX-05: a session ends with the only rule that gave it', async () => {
  bench = await openExchange();
  const { accessToken } = await bench.exchange.exchange(request(bench.token()), peer);
  const next = await restarted(rule({ serviceAccount: 'other' }));
  expect(await reasonOf(next.sessions.authenticate(accessToken, peer))).toBe('SESSION_ENDED');
});

test('TX-06: a token that may be used once is not good for a second time because its rule changed', async () => {
  bench = await openExchange({ rules: () => [rule({ oneTime: true })] });
  const token = bench.token();
  const { accessToken } = await bench.exchange.exchange(request(token), peer);
  const next = await restarted(rule({ oneTime: true, scopes: ['runs:read'] }));
  expect(await reasonOf(next.exchange.exchange(request(token), peer))).toBe('TOKEN_USED');
  expect(await reasonOf(next.sessions.authenticate(accessToken, peer))).toBe('SESSION_ENDED');
});
