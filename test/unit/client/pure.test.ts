import { describe, expect, test } from '@jest/globals';
import { splitAddress } from '../../../src/client/endpoint.ts';
import { toAppError } from '../../../src/client/errors.ts';
import { isWebAddress } from '../../../src/client/grants/polling.ts';
import { isDue } from '../../../src/client/login.ts';
import { isLoopback } from '../../../src/core/addresses.ts';
import { Secret } from '../../../src/core/secret.ts';
import { failure } from '../../support/control-fake.ts';

describe('errors of a peer', () => {
  const raised = (info: Parameters<typeof failure>[0]) => Object.assign(new Error('x'), failure(info));

  test('status, reason and hint come through', () => {
    const error = toAppError(
      raised({ code: 5, reason: 'RUN_NOT_FOUND', message: 'No such run.', hint: 'See: fedctl ls' }),
    );
    expect(error).toMatchObject({
      code: 'NOT_FOUND',
      reason: 'RUN_NOT_FOUND',
      message: 'No such run.',
      hint: 'See: fedctl ls',
    });
  });

  test('a reason that is none is not taken over', () => {
    expect(toAppError(raised({ code: 7, reason: 'no reason\u001b', message: 'No.' }))).toMatchObject({
      reason: 'PERMISSION_DENIED',
    });
  });

  test('details that are damaged say nothing', () => {
    const error = raised({ code: 14, reason: 'X_Y', message: 'away' });
    error.metadata.set('grpc-status-details-bin', Buffer.from([255, 255, 255]));
    expect(toAppError(error)).toMatchObject({ code: 'UNAVAILABLE', reason: 'UNAVAILABLE', message: 'away' });
  });
});

test('addresses', () => {
  expect(splitAddress('[::1]:9093')).toEqual({ host: '::1', port: 9093 });
  expect(splitAddress('lab.example')).toEqual({ host: 'lab.example', port: 9093 });
  expect(['127.0.0.1', '127.8.8.8', '::1', 'localhost'].every(isLoopback)).toBe(true);
  expect(['127.evil.example', '10.0.0.1', 'localhost.evil.example'].some(isLoopback)).toBe(false);
});

test('a token is due in its last minute, a short one in its last fifth', () => {
  const token = (life: number) =>
    new Secret(`x.${Buffer.from(JSON.stringify({ iat: 0, exp: life })).toString('base64url')}.x`);
  const due = (life: number, leftMs: number) =>
    isDue({ accessToken: token(life), refreshToken: token(life), expiresInMs: leftMs }, leftMs);
  expect([due(600, 61_000), due(600, 59_000), due(10, 2_500), due(10, 1_500)]).toEqual([false, true, false, true]);
});

test('DG-11: pages that may be opened', () => {
  expect(
    ['https://idp.example/device?user_code=A', 'http://127.0.0.1:8080/d', 'http://localhost/d'].every(isWebAddress),
  ).toBe(true);
  const refused = [
    'http://idp.example/',
    'file:///x',
    'javascript:alert(1)',
    'https://u:p@x/',
    'https://x/ y',
    'x',
    '',
    'https://x/\u001b[2J',
    'http://127.evil.example/',
  ];
  expect(refused.filter(isWebAddress)).toEqual([]);
});
