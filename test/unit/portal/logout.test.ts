import { describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import { FORM, startPortal } from './fixtures.ts';

const PATH = '/oidc/backchannel-logout/main';

describe('logouts that a provider tells of', () => {
  test('LO-03: 200 and kept nowhere', async () => {
    const { ask, asked } = startPortal();
    const { status, headers, text } = await ask({
      method: 'POST',
      path: PATH,
      headers: FORM,
      body: 'logout_token=a.b.c',
    });
    expect([status, headers?.['cache-control'], text]).toEqual([200, 'no-store', '']);
    expect(asked).toMatchObject([
      { method: 'session.provider-logout', input: { provider: 'main', logoutToken: 'a.b.c' } },
    ]);
  });

  test.each([
    ['INVALID_ARGUMENT', 400],
    ['NOT_FOUND', 400],
    ['UNAVAILABLE', 503],
    ['INTERNAL', 500],
  ] as const)('LO-03: %s gives %d, kept nowhere', async (code, expected) => {
    const { ask } = startPortal({
      'session.provider-logout': () => {
        throw new AppError(code, 'LOGOUT_TOKEN_INVALID', 'No.');
      },
    });
    const { status, headers, text } = await ask({ method: 'POST', path: PATH, headers: FORM, body: 'logout_token=x' });
    expect([status, headers?.['cache-control']]).toEqual([expected, 'no-store']);
    expect(JSON.parse(text)).toHaveProperty('error');
  });

  test.each([
    ['another kind of body', { 'content-type': 'application/json' }, '{"logout_token":"x"}'],
    ['two tokens', FORM, 'logout_token=a&logout_token=b'],
    ['none', FORM, ''],
  ])('%s counts as no token', async (_name, headers, body) => {
    const { ask, asked } = startPortal();
    await ask({ method: 'POST', path: PATH, headers, body });
    expect(asked).toMatchObject([{ input: { logoutToken: '' } }]);
  });
});

describe('back from the logout page of a provider', () => {
  test('LO-04: the state goes on, and the page says that it is done', async () => {
    const { ask, asked } = startPortal();
    const { status, text } = await ask({ path: '/logout/done?state=s1' });
    expect(status).toBe(200);
    expect(text).toContain('You are logged out');
    expect(asked).toMatchObject([{ method: 'session.logged-out', input: { state: 's1' } }]);
  });

  test('LO-04: a state that is none of ours is told', async () => {
    const { ask } = startPortal({
      'session.logged-out': () => {
        throw new AppError('INVALID_ARGUMENT', 'LOGOUT_STATE_UNKNOWN', 'This logout did not begin here.');
      },
    });
    const { status, text } = await ask({ path: '/logout/done?state=x' });
    expect(status).toBe(400);
    expect(text).not.toContain('You are logged out');
  });
});
