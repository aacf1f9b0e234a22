import { describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import type { Services } from '../../../src/server/rpc/call.ts';
import { handlers } from '../../../src/server/rpc/handlers/index.ts';
import { createPipeline } from '../../../src/server/rpc/pipeline.ts';
import { alice, servicesWith } from './fakes.ts';

const PAIR = { accessToken: 'a', refreshToken: 'r', expiresIn: 600, sessionId: 'session-1', accountHandle: 'alice' };

/** Services that know the refresh token of alice, which is good or not any more. */
function servicesKnowing(token: string, { good }: { good: boolean }) {
  return servicesWith({
    may: () => false,
    over: {
      sessions: {
        sessionOfRefreshToken: async (text: string) => (text === token ? alice.session : undefined),
        renew: async () => {
          if (good) return PAIR;
          throw new AppError('UNAUTHENTICATED', 'REFRESH_TOKEN_INVALID', 'no');
        },
        end: async () => true,
      },
      accounts: { accountById: async () => alice.account },
    } as unknown as Partial<Services>,
  });
}

function send(services: Services, method: 'session.renew' | 'session.logout', refreshToken: string) {
  return createPipeline(
    services,
    handlers,
  )({
    method,
    peer: { address: '127.0.0.1', userAgent: 'test' },
    signal: new AbortController().signal,
    credentials: () => ({ kind: 'none' }),
    input: async () => ({ refreshToken }),
    accepted: () => {},
  }).result;
}

/** Their credential is in the request, and only the handler can judge it. */
describe('calls that bring a refresh token', () => {
  test.each(['session.renew', 'session.logout'] as const)(
    'AU-01: %s is recorded with whose session it was',
    async (method) => {
      const { services, audit } = servicesKnowing('known', { good: true });
      await send(services, method, 'known');
      expect(audit).toMatchObject([
        {
          row: { action: method, decision: 'allow', principal: 'user:idp|alice', sessionId: 'session-1' },
          grouped: false,
        },
      ]);
    },
  );

  test('AU-01: a refused renewal is a denial, not a call that was allowed', async () => {
    const { services, audit } = servicesKnowing('known', { good: false });
    await expect(send(services, 'session.renew', 'known')).rejects.toMatchObject({ reason: 'REFRESH_TOKEN_INVALID' });
    expect(audit.map(({ row }) => [row.decision, row.reason, row.sessionId])).toEqual([
      ['deny', 'REFRESH_TOKEN_INVALID', 'session-1'],
    ]);
  });

  test('AU-01: a logout with an unknown token is a denial that names nobody', async () => {
    const { services, audit } = servicesKnowing('known', { good: true });
    await expect(send(services, 'session.logout', 'unknown')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(audit.map(({ row }) => [row.decision, row.principal])).toEqual([['deny', '']]);
  });
});
