import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AUDIENCE, ISSUER, reasonOf, START, tokenBench } from './fixtures.ts';

type Json = Record<string, unknown>;
const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

let bench: ReturnType<typeof tokenBench>;
let key: KeyObject;
let header: Json;
let claims: Json;

beforeEach(async () => {
  bench = tokenBench();
  const signer = await bench.keys.signer();
  key = signer.key;
  const [head = '', body = ''] = (await bench.mint()).split('.');
  header = JSON.parse(Buffer.from(head, 'base64url').toString());
  claims = JSON.parse(Buffer.from(body, 'base64url').toString());
});

/** Signed by our real key, whatever it says. */
function signed(head: unknown, body: unknown, by = key): string {
  const input = `${part(head)}.${part(body)}`;
  return `${input}.${sign('sha256', Buffer.from(input), { key: by, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}
const verify = (token: string) => reasonOf(() => bench.tokens.verify(token));
const verifyClaims = (change: Json) => verify(signed(header, { ...claims, ...change }));
const verifyHeader = (change: Json) => verify(signed({ ...header, ...change }, claims));

describe('a token of ours', () => {
  test('AT-01, AT-08: has the profile of RFC 9068 and verifies', async () => {
    expect(header).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/) });
    expect(claims).toEqual({
      iss: ISSUER,
      aud: AUDIENCE,
      sub: 'account-1',
      sid: 'session-1',
      gen: 3,
      client_id: 'fedctl',
      iat: START / 1000,
      exp: START / 1000 + 600,
      jti: expect.any(String),
    });
    expect(await bench.tokens.verify(signed(header, claims))).toEqual(claims);
  });

  test('ends with its session where that is sooner', async () => {
    const { end } = await bench.tokens.mint({ sub: 'a', sid: 's', gen: 1 }, START + 5_000);
    expect(end).toBe(START + 5_000);
  });

  test('AT-07: expires, also where it was verified before', async () => {
    const token = await bench.mint();
    expect(await verify(token)).toBe('no error');
    bench.clock.advance(599_999);
    expect(await verify(token)).toBe('no error');
    bench.clock.advance(1);
    expect(await verify(token)).toBe('TOKEN_EXPIRED');
    expect(await bench.tokens.inspect(token)).toMatchObject({ expired: true, claims: { sid: 'session-1' } });
  });

  test('F-08: a deleted key ends its tokens at once, also remembered ones', async () => {
    const token = await bench.mint();
    expect(await verify(token)).toBe('no error');
    bench.store.rows.splice(0);
    await bench.keys.rotateIfDue();
    expect(await verify(token)).toBe('TOKEN_INVALID');
  });
});

describe('refused with one and the same error', () => {
  test.each<[string, Json]>([
    ['AT-01: typ JWT', { typ: 'JWT' }],
    ['AT-01: no typ', { typ: undefined }],
    ['AT-01: typ as number', { typ: 1 }],
    ['AT-06: alg none', { alg: 'none' }],
    ['AT-06: alg HS256', { alg: 'HS256' }],
    ['AT-05: another alg than the key has', { alg: 'ES384' }],
    ['AT-05: no alg', { alg: undefined }],
    ['AT-10: kid as a path', { kid: '../../etc/passwd' }],
    ['AT-10: kid as SQL', { kid: "' OR 1=1 --" }],
    ['AT-10: kid __proto__', { kid: '__proto__' }],
    ['AT-10: an unknown kid of the right shape', { kid: 'A'.repeat(43) }],
    ['AT-10: a kid of 3 KB', { kid: 'A'.repeat(3000) }],
    ['AT-10: no kid', { kid: undefined }],
    ['AT-11: crit', { crit: ['exp'] }],
    ['AT-11: b64 false', { b64: false }],
  ])('%s', async (_name, change) => {
    expect(await verifyHeader(change)).toBe('TOKEN_INVALID');
  });

  test.each<[string, Json]>([
    ['AT-03: iss with a slash', { iss: `${ISSUER}/` }],
    ['AT-03: iss in another case', { iss: ISSUER.toUpperCase() }],
    ['AT-03: iss with userinfo', { iss: 'https://fedctl.example.test@evil.example' }],
    ['AT-04: aud of another', { aud: 'https://other.example' }],
    ['AT-04: aud as a prefix', { aud: AUDIENCE.slice(0, -1) }],
    ['AT-04: aud longer', { aud: `${AUDIENCE}/x` }],
    ['AT-04: aud empty', { aud: '' }],
    ['AT-04: aud empty list', { aud: [] }],
    ['AT-04: aud as object', { aud: { [AUDIENCE]: true } }],
    ['AT-07: iat in the future', { iat: START / 1000 + 61, exp: START / 1000 + 600 }],
    ['AT-07: nbf in the future', { nbf: START / 1000 + 61 }],
    ['AT-07: exp as text', { exp: String(START / 1000 + 600) }],
    ['AT-07: exp negative', { exp: -1 }],
    ['AT-07: exp before iat', { exp: START / 1000 - 1 }],
    ['AT-09: sub with a control character', { sub: 'a\u0000b' }],
    ['AT-09: sub of 256 characters', { sub: 'x'.repeat(256) }],
    ['AT-09: sub as number', { sub: 7 }],
    ['DP-01: cnf.jkt', { cnf: { jkt: 'x' } }],
    ['DP-01: cnf.x5t#S256', { cnf: { 'x5t#S256': 'x' } }],
    ['gen 0', { gen: 0 }],
    ['gen as fraction', { gen: 1.5 }],
    ['another client', { client_id: 'other' }],
  ])('%s', async (_name, change) => {
    expect(await verifyClaims(change)).toBe('TOKEN_INVALID');
  });

  test.each(['iss', 'aud', 'sub', 'sid', 'gen', 'client_id', 'iat', 'exp', 'jti'])(
    'AT-08: without %s',
    async (name) => {
      expect(await verifyClaims({ [name]: undefined })).toBe('TOKEN_INVALID');
    },
  );

  test('AT-05: signed by another key; AT-06: by HMAC with the public key', async () => {
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    expect(await verify(signed(header, claims, stranger))).toBe('TOKEN_INVALID');
    const input = `${part({ ...header, alg: 'HS256' })}.${part(claims)}`;
    const pem = createPublicKey(key).export({ format: 'pem', type: 'spki' });
    const mac = createHmac('sha512', pem).update(input).digest('base64url');
    expect(await verify(`${input}.${mac}`)).toBe('TOKEN_INVALID');
  });

  test('AT-10: keys and addresses in the header are not used', async () => {
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = stranger.publicKey.export({ format: 'jwk' });
    const head = { ...header, jwk, jku: 'https://evil.example/keys', x5u: 'https://evil.example/x' };
    expect(await verify(signed(head, claims, stranger.privateKey))).toBe('TOKEN_INVALID');
  });

  test('AT-12: duplicate keys, other number spellings, white space, arrays, no JSON', async () => {
    const body = JSON.stringify(claims);
    const doubled = body.replace('{', '{"sub":"mallory",');
    const spelled = body.replace(`${claims.exp}`, '1e400');
    const payloads = [
      doubled,
      spelled,
      ` ${body}`,
      '[]',
      '"x"',
      'null',
      '{',
      body.replace('account-1', '\\u0061ccount-1'),
    ];
    for (const payload of payloads) expect(await verify(signed(header, payload))).toBe('TOKEN_INVALID');
  });

  test('AT-12: too long, wrong parts, padding, line ends, unused bits', async () => {
    const good = await bench.mint();
    const last = good.at(-1) ?? '';
    const neighbour = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      .split('')
      .filter((c) => c !== last);
    const texts = [
      signed(header, { ...claims, padding: 'x'.repeat(4096) }),
      'x'.repeat(1_000_000),
      good.split('.').slice(0, 2).join('.'),
      `${good}.`,
      `${good}=`,
      `${good}\n`,
      ` ${good}`,
      '',
      '..',
      ...neighbour.map((char) => good.slice(0, -1) + char),
    ];
    for (const text of texts) expect(await verify(text)).toBe('TOKEN_INVALID');
  });

  test('AT-12: any one changed character', async () => {
    const good = await bench.mint();
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.constantFrom(...'AZaz09-_.'), async (at, char) => {
        const changed = good.slice(0, at) + char + good.slice(at + 1);
        expect(await verify(changed)).toBe(changed === good ? 'no error' : 'TOKEN_INVALID');
      }),
      { numRuns: 60 },
    );
  });

  test('AT-12: arbitrary text, never another error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
        expect(await verify(text)).toBe('TOKEN_INVALID');
      }),
      { numRuns: 300 },
    );
  });
});

describe('accepted', () => {
  test('AT-01: the long form of typ in any case; AT-04: our audience in a list', async () => {
    expect(await verifyHeader({ typ: 'Application/AT+JWT' })).toBe('no error');
    expect(await verifyClaims({ aud: ['https://other.example', AUDIENCE] })).toBe('no error');
  });
});

describe('keys', () => {
  test('MD-03: a flood of unknown key ids reads the store a few times only', async () => {
    const before = bench.store.reads;
    await Promise.all(Array.from({ length: 200 }, (_, i) => verifyHeader({ kid: String(i).padStart(43, 'k') })));
    expect(bench.store.reads - before).toBeLessThanOrEqual(2);
  });

  test('a retired key vouches for its last tokens, then only recognises expired ones', async () => {
    const token = await bench.mint();
    bench.clock.advance(86_400_000);
    await bench.keys.rotateIfDue();
    const second = await bench.mint();
    expect(second.split('.')[0]).not.toBe(token.split('.')[0]);
    expect((await bench.keys.jwks()).keys).toHaveLength(2);
    expect((await bench.tokens.inspect(token)).expired).toBe(true);
    // A token that claims to live on after its key has ended: somebody has the old key.
    const forever = signed(header, { ...claims, exp: START / 1000 + 10 * 86_400 });
    expect(await verify(forever)).toBe('no error');
    bench.clock.advance(700_000);
    expect(await verify(forever)).toBe('TOKEN_INVALID');
    expect((await bench.keys.jwks()).keys).toHaveLength(1);
    expect(await bench.keys.sweep()).toBe(0);
    bench.clock.advance(86_400_000);
    expect(await bench.keys.sweep()).toBe(1);
    expect(await verify(token)).toBe('TOKEN_INVALID');
  });

  test('private keys are sealed in the store and absent from the key set', async () => {
    await bench.keys.signer();
    const d = key.export({ format: 'jwk' }).d ?? 'missing';
    expect(JSON.stringify(bench.store.rows)).not.toContain(d);
    expect(JSON.stringify(await bench.keys.jwks())).not.toContain('"d"');
  });
});
