import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AppError } from '../../../../src/core/errors.ts';
import { Secret } from '../../../../src/core/secret.ts';
import { createLogger } from '../../../../src/server/ops/logger.ts';

const CANARY = 'CANARY7f3a9c';
const JWT = `eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiI${CANARY}.${CANARY}-_sig`;

function capture(format: 'json' | 'pretty' = 'json') {
  const lines: string[] = [];
  return { lines, log: createLogger({ level: 'debug', format }, { write: (line) => void lines.push(line) }) };
}

const nest = (value: unknown) => ({ a: [{ b: new Map([['c', value]]) }] });

/** Each holds the canary where a careless call might put it. */
const LEAKS: readonly (readonly [string, object])[] = [
  ['a header', { authorization: `Bearer ${CANARY}` }],
  ['a header of flwr', { metadata: { 'flwr-oidc-access-token': CANARY, 'flwr-oidc-refresh-token': [CANARY] } }],
  ['a cookie', nest({ Cookie: CANARY, 'set-cookie': [CANARY] })],
  [
    'OAuth parameters',
    { body: { client_secret: CANARY, device_code: CANARY, refreshToken: CANARY, id_token: CANARY } },
  ],
  ['a form in a text', { body: `grant_type=x&refresh_token=${CANARY}&client_secret=${CANARY}` }],
  ['a token in a text', { note: `got ${JWT} from the client` }],
  ['a bearer header in a text', { note: `Authorization: bearer ${CANARY}${CANARY}` }],
  ['a URL with a password', { url: `https://user:${CANARY}@idp.example/` }],
  ['a Secret', nest(new Secret(CANARY))],
  ['bytes', { chunk: Buffer.from(CANARY), view: new Uint8Array([1]) }],
  ['a stored session', { session: { sealedPair: CANARY, sealedProviderToken: CANARY } }],
  ['a login handle', { handle: CANARY }],
  ['keys', { privateKey: CANARY, jwk: { d: CANARY }, masterKey: CANARY, key: CANARY }],
  ['a private key in a text', { note: `-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----` }],
  ['the payload of an error', { err: Object.assign(new Error('no'), { response: { body: CANARY }, config: CANARY }) }],
  ['the cause of an error', { err: new AppError('INTERNAL', 'X', 'no', { cause: new Error(`Bearer ${CANARY}`) }) }],
  ['a cause that is no error', { err: new Error('no', { cause: { refresh_token: CANARY } }) }],
  ['an error deep inside', nest({ err: new Error(`refresh_token=${CANARY}`) })],
];

describe('SEC-01: no secret reaches the log', () => {
  test.each(LEAKS)('in %s', (_name, fields) => {
    for (const format of ['json', 'pretty'] as const) {
      const { lines, log } = capture(format);
      log.error(fields, 'something happened');
      log.child(fields).info({}, 'from a child');
      expect(lines).toHaveLength(2);
      expect(lines.join('')).not.toContain(CANARY);
    }
  });

  test('nor in the sentence', () => {
    const { lines, log } = capture();
    log.info({}, `refused ${JWT}`);
    expect(lines[0]).toContain('refused [secret]');
  });

  test('the canaries would be seen without redaction', () => {
    for (const [name, fields] of LEAKS.filter(([name]) => !/Secret|bytes/.test(name))) {
      expect(`${name} ${inspect(fields, { depth: 10 })}`).toContain(CANARY);
    }
  });
});

describe('a record', () => {
  test('T-22: is one line and can not be forged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (value, name) => {
        for (const format of ['json', 'pretty'] as const) {
          const { lines, log } = capture(format);
          log.info({ [name]: `\r\n{"level":"error"}${value}`, level: 'fatal', msg: 'forged', time: 0 }, value);
          expect(lines).toHaveLength(1);
          expect(lines[0]?.trimEnd()).not.toMatch(/[\r\n]/);
          if (format === 'json') expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info' });
        }
      }),
    );
  });

  test('has the causes of an error, with their codes', () => {
    const { lines, log } = capture();
    const cause = Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' });
    log.error(
      { err: new AppError('UNAVAILABLE', 'ENGINE_UNAVAILABLE', 'The engine is away.', { cause }) },
      'call failed',
    );
    expect(JSON.parse(lines[0] ?? '').err).toMatchObject({
      type: 'AppError',
      code: 'UNAVAILABLE',
      reason: 'ENGINE_UNAVAILABLE',
      message: 'The engine is away.',
      cause: { code: 'ECONNREFUSED', message: 'connect refused' },
    });
  });

  test('stays small for circular and huge values, and keeps 64-bit ids', () => {
    const circular: unknown[] = [];
    for (let i = 0; i < 100; i += 1) circular.push(circular);
    const { lines, log } = capture();
    log.info({ circular, text: 'x'.repeat(1e6), run: 18446744073709551615n }, 'big');
    expect(lines[0]?.length).toBeLessThan(100_000);
    expect(lines[0]).toContain('"18446744073709551615"');
  });

  test('is left out below the level', () => {
    const lines: string[] = [];
    const log = createLogger({ level: 'warn', format: 'json' }, { write: (line) => void lines.push(line) });
    log.info({}, 'quiet');
    log.child({}).warn({}, 'loud');
    expect(lines).toHaveLength(1);
  });
});
