import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AppError, type ErrorCode } from '../../../src/core/errors.ts';
import { readFrames } from '../../../src/flower/frames.ts';
import type { Headers } from '../../../src/server/rpc/wire/binding.ts';
import { flowerHttp, frame } from '../../../src/server/rpc/wire/flower-http.ts';
import { refuseOverHttp } from '../../../src/server/rpc/wire/flower-http-errors.ts';

const headers: Headers = { get: (name) => (name === 'flwr-package-version' ? ['1.41.0'] : []) };

describe('paths', () => {
  test('are those of Flower: its names in kebab case', () => {
    const paths = [...flowerHttp.bindings.map(({ path }) => path), ...Object.keys(flowerHttp.unimplemented)];
    for (const name of [
      ...['get-login-details', 'get-auth-tokens', 'refresh-auth-tokens', 'start-run', 'list-runs', 'stop-run'],
      ...['stream-logs', 'pull-artifacts', 'list-nodes', 'register-node', 'unregister-node', 'list-federations'],
      ...['remove-account-from-federation', 'configure-simulation-federation', 'begin-connector-oauth'],
    ]) {
      expect(paths).toContain(`/v1/control/${name}`);
    }
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths.filter((path) => !/^\/v1\/control\/[a-z]+(-[a-z]+)*$/.test(path))).toEqual([]);
  });

  test('uploads are read once the caller is known, all else is small', () => {
    for (const { path, kind, maxBytes } of flowerHttp.bindings)
      expect({ path, isUpload: kind === 'client-stream' }).toEqual({ path, isUpload: maxBytes > 64 * 1024 });
  });
});

describe('refusals', () => {
  const refuse = (code: ErrorCode, reason: string, options: { hint?: string; retryAfterMs?: number } = {}) =>
    refuseOverHttp(new AppError(code, reason, 'A sentence.', options));

  test.each([
    ['NOT_FOUND', 'RUN_NOT_FOUND', 404, 16],
    ['PERMISSION_DENIED', 'NOT_PERMITTED', 403, 9],
    ['FAILED_PRECONDITION', 'RUN_FINISHED', 412, 18],
    ['FAILED_PRECONDITION', 'ARTIFACTS_NOT_CONFIGURED', 501, 20],
    ['NOT_FOUND', 'FEDERATION_NOT_FOUND', 412, 26],
    ['INVALID_ARGUMENT', 'REQUEST_MALFORMED', 400, 1003],
    ['INVALID_ARGUMENT', 'BUNDLE_NOT_A_ZIP', 400, undefined],
    ['RESOURCE_EXHAUSTED', 'BUNDLE_TOO_LARGE', 413, undefined],
    ['RESOURCE_EXHAUSTED', 'TOO_MANY_STREAMS', 429, undefined],
    ['UNAVAILABLE', 'AUTHORIZATION_UNAVAILABLE', 503, undefined],
    ['INTERNAL', 'INTERNAL', 500, undefined],
  ] as const)('%s %s is %i', (code, reason, status, flowerCode) => {
    const refusal = refuse(code, reason);
    const body = flowerCode === undefined ? { detail: 'A sentence.' } : { code: flowerCode, detail: 'A sentence.' };
    expect(refusal).toMatchObject({ status, code, body });
  });

  test('AT-14: a 401 asks for a bearer token in the very words that flwr compares, and has no code', () => {
    for (const reason of ['LOGIN_REQUIRED', 'TOKEN_EXPIRED', 'SESSION_ENDED', 'REFRESH_TOKEN_INVALID']) {
      const { status, headers: sent, body } = refuse('UNAUTHENTICATED', reason);
      expect([status, sent['www-authenticate'], body]).toEqual([401, 'Bearer', { detail: 'A sentence.' }]);
    }
  });

  test('a hint is part of what is shown, and names commands that flwr has', () => {
    const hint = 'List your runs: fedctl ls';
    expect(refuse('NOT_FOUND', 'RUN_NOT_FOUND', { hint }).body).toMatchObject({ extra: 'List your runs: flwr ls' });
    expect(refuse('UNAVAILABLE', 'X', { hint: 'Ask for it: fedctl admin grant.' }).body).toEqual({
      detail: 'A sentence. Ask for it: fedctl admin grant.',
    });
  });
});

describe('fuzz', () => {
  test('frames come out of a reader as they went in, however they are cut', async () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(messages, fc.integer({ min: 1, max: 70 }), async (sent, size) => {
        const bytes = Buffer.concat(sent.map((message) => frame(message)));
        async function* pieces() {
          for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
        }
        const received: string[] = [];
        for await (const message of readFrames(pieces())) received.push(message.toString('hex'));
        expect(received).toEqual(sent.map((message) => Buffer.from(message).toString('hex')));
      }),
    );
  });

  test.each(flowerHttp.bindings.map((binding) => ({ name: binding.path, binding })))(
    '$name reads or refuses any bytes, and says nothing else',
    ({ binding }) => {
      fc.assert(
        fc.property(hostile(), (bytes) => {
          try {
            const used = binding.instead?.(bytes) ?? binding;
            expect(typeof used.decode([bytes], headers)).toBe('object');
          } catch (error) {
            expect((error as Error).constructor.name).toMatch(/^(AppError|Error|RangeError)$/);
          }
        }),
        { numRuns: 300 },
      );
    },
  );
});

/** Random bytes, and fields as protobuf has them with numbers and contents that nobody expects. */
function hostile(): fc.Arbitrary<Uint8Array> {
  const field = fc
    .tuple(fc.integer({ min: 1, max: 20 }), fc.constantFrom(0, 1, 2, 5), fc.uint8Array({ maxLength: 120 }))
    .map(([number, type, content]) => {
      const tag = Buffer.from([(number << 3) | type].flatMap((n) => (n < 128 ? [n] : [(n & 127) | 128, n >> 7])));
      return Buffer.concat([tag, type === 2 ? Buffer.from([content.length]) : Buffer.alloc(0), content]);
    });
  return fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.array(field, { maxLength: 8 }).map((fields) => Uint8Array.from(Buffer.concat(fields))),
  );
}
