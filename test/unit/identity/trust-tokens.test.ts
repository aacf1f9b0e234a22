import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { repeatsKeys } from '../../../src/server/identity/trust/json-keys.ts';
import { parseJwt } from '../../../src/server/identity/trust/strict-jwt.ts';
import { exchangeHash } from '../../../src/server/identity/trust/subject.ts';
import type { TrustRule } from '../../../src/server/identity/trust/types.ts';
import { AUDIENCE, START } from './fixtures.ts';
import { CLAIMS, hmac, type Json, jwkOf, part, rsa, signed, TRUSTED, trustBench } from './trust-bench.ts';

const HEADER = { alg: 'RS256', kid: 'k1', typ: 'JWT' };
const NOW = START / 1000;

describe('a token of a trusted issuer', () => {
  test('is good until its end, and is looked at again after 30 s', async () => {
    const valid = await trustBench().validate(signed(HEADER, CLAIMS));
    expect(valid).toMatchObject({ claims: CLAIMS, end: START + 300_000, goodUntil: START + 30_000 });
  });

  test('AT-01: the strict profile takes at+jwt in any case, and nothing else', async () => {
    const { refusal } = trustBench({ tokenType: 'at+jwt' });
    for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt'])
      expect(await refusal(signed({ ...HEADER, typ }, CLAIMS))).toBe('no error');
    for (const typ of ['JWT', undefined, 1, 'at+jwt ', 'logout+jwt'])
      expect(await refusal(signed({ ...HEADER, typ }, CLAIMS))).toBe('TOKEN_INVALID');
  });

  test.each(['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'])('AT-08: without %s', async (name) => {
    const { refusal } = trustBench({ tokenType: 'at+jwt' });
    const token = signed({ ...HEADER, typ: 'at+jwt' }, { ...CLAIMS, [name]: undefined });
    expect(await refusal(token)).toBe('TOKEN_INVALID');
  });

  test.each(['logout+jwt', 'dpop+jwt', 'secevent+jwt', 7, null])(
    'RFC 8725: typ %p is for something else',
    async (typ) => {
      expect(await trustBench().refusal(signed({ ...HEADER, typ }, CLAIMS))).toBe('TOKEN_INVALID');
    },
  );

  test('AT-02: an ID token is refused in both profiles', async () => {
    const idTokens: Json[] = [
      { nonce: 'n' },
      { at_hash: 'h' },
      { c_hash: 'h' },
      { typ: 'ID' },
      { aud: [AUDIENCE, 'login-client'], azp: 'login-client' },
    ];
    for (const change of idTokens) {
      expect(await trustBench().refusal(signed(HEADER, { ...CLAIMS, ...change }))).toBe('TOKEN_INVALID');
      const strict = trustBench({ tokenType: 'at+jwt' });
      expect(await strict.refusal(signed(HEADER, { ...CLAIMS, ...change }))).toBe('TOKEN_INVALID');
    }
  });

  test('AT-02: where people log in too, a token has to show that it is an access token', async () => {
    const { refusal } = trustBench({ isLoginIssuer: true });
    const bare = { ...CLAIMS, client_id: undefined };
    expect(await refusal(signed(HEADER, bare))).toBe('TOKEN_INVALID');
    for (const name of ['client_id', 'scp', 'scope', 'azpacr'])
      expect(await refusal(signed(HEADER, { ...bare, [name]: 'x' }))).toBe('no error');
    expect(await refusal(signed({ ...HEADER, typ: 'at+jwt' }, bare))).toBe('no error');
    // As Keycloak makes them; and an ID token, which says for which client it is as well.
    expect(await refusal(signed(HEADER, { ...bare, typ: 'Bearer', azp: 'app' }))).toBe('no error');
    expect(await refusal(signed(HEADER, { ...bare, azp: 'app' }))).toBe('TOKEN_INVALID');
    expect(await trustBench().refusal(signed(HEADER, bare))).toBe('no error');
  });

  test.each<[string, Json]>([
    ['AT-03: iss with a slash', { iss: `${TRUSTED}/` }],
    ['AT-03: iss in another case', { iss: TRUSTED.toUpperCase() }],
    ['AT-03: iss with a look-alike', { iss: TRUSTED.replace('c', '\u0441') }],
    ['AT-03: iss with userinfo', { iss: `${TRUSTED}@evil.example` }],
    ['AT-03: iss in a list', { iss: [TRUSTED] }],
    ['AT-04: aud of another', { aud: 'https://other.example' }],
    ['AT-04: aud as a prefix', { aud: AUDIENCE.slice(0, -1) }],
    ['AT-04: aud longer', { aud: `${AUDIENCE}/x` }],
    ['AT-04: aud with others in one text', { aud: `${AUDIENCE} https://other.example` }],
    ['AT-04: aud empty', { aud: '' }],
    ['AT-04: aud empty list', { aud: [] }],
    ['AT-04: aud with what is no name', { aud: [AUDIENCE, 1] }],
    ['AT-04: aud as object', { aud: { [AUDIENCE]: true } }],
    ['AT-07: iat in the future', { iat: NOW + 61 }],
    ['AT-07: nbf in the future', { nbf: NOW + 61 }],
    ['AT-07: nbf as text', { nbf: String(NOW) }],
    ['AT-07: exp as text', { exp: String(NOW + 300) }],
    ['AT-07: exp negative', { exp: -1 }],
    ['AT-07: exp null', { exp: null }],
    ['AT-09: sub empty', { sub: '' }],
    ['AT-09: sub with a control character', { sub: 'a\u0000b' }],
    ['AT-09: sub of 256 characters', { sub: 'x'.repeat(256) }],
    ['AT-09: sub outside ASCII', { sub: 'é' }],
    ['AT-09: sub as number', { sub: 7 }],
    ['DP-01: cnf.jkt', { cnf: { jkt: 'x' } }],
    ['DP-01: cnf.x5t#S256', { cnf: { 'x5t#S256': 'x' } }],
  ])('%s', async (_name, change) => {
    expect(await trustBench().refusal(signed(HEADER, { ...CLAIMS, ...change }))).toBe('TOKEN_INVALID');
  });

  test('AT-07: exp as 1e400; its end to the millisecond', async () => {
    const { refusal, clock } = trustBench();
    const spelled = JSON.stringify(CLAIMS).replace(String(CLAIMS.exp), '1e400');
    expect(await refusal(signed(HEADER, spelled))).toBe('TOKEN_INVALID');
    const token = signed(HEADER, CLAIMS);
    clock.advance(299_999);
    expect(await refusal(token)).toBe('no error');
    clock.advance(1);
    expect(await refusal(token)).toBe('TOKEN_EXPIRED');
  });

  test('AT-07: any number as a time is a time or refused', async () => {
    const { validate } = trustBench();
    const numbers = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(NaN, Infinity, -0, 1e308, 2 ** 53));
    await fc.assert(
      fc.asyncProperty(numbers, fc.constantFrom('exp', 'nbf', 'iat'), async (value, name) => {
        const valid = await validate(signed(HEADER, { ...CLAIMS, [name]: value })).catch(() => undefined);
        if (valid === undefined) return;
        expect(Number.isFinite(value) && value > 0).toBe(true);
        expect(valid.end).toBeGreaterThan(START);
        if (name !== 'exp') expect(value).toBeLessThanOrEqual(NOW + 60);
      }),
      { numRuns: 60 },
    );
  });

  test.each<[string, Json]>([
    ['AT-06: none', { alg: 'none' }],
    ['AT-06: None', { alg: 'None' }],
    ['AT-06: HS256', { alg: 'HS256' }],
    ['AT-05: one that the configuration does not name', { alg: 'RS512' }],
    ['AT-05: one that does not fit the key', { alg: 'ES256' }],
    ['AT-05: none at all', { alg: undefined }],
    ['AT-05: a list', { alg: ['RS256'] }],
    ['AT-10: kid as a path', { kid: '../../etc/passwd' }],
    ['AT-10: kid as SQL', { kid: "' OR 1=1 --" }],
    ['AT-10: kid __proto__', { kid: '__proto__' }],
    ['AT-10: kid with NUL', { kid: 'k1\u0000' }],
    ['AT-10: kid of 300 characters', { kid: 'k'.repeat(300) }],
    ['AT-10: kid as number', { kid: 1 }],
    ['AT-10: kid empty', { kid: '' }],
    ['AT-11: crit', { crit: ['exp'], exp: 1 }],
    ['AT-11: crit empty', { crit: [] }],
    ['AT-11: b64 false', { b64: false, crit: ['b64'] }],
    ['AT-12: a header over 2 KB', { padding: 'x'.repeat(2048) }],
  ])('%s', async (_name, change) => {
    expect(await trustBench().refusal(signed({ ...HEADER, ...change }, CLAIMS))).toBe('TOKEN_INVALID');
  });

  test('AT-05, AT-06, AT-10: another key, an HMAC with the public key, keys and addresses in the header', async () => {
    const { refusal, reads } = trustBench();
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
    expect(await refusal(signed(HEADER, CLAIMS, stranger.privateKey))).toBe('TOKEN_INVALID');
    const pem = rsa.publicKey.export({ format: 'pem', type: 'spki' });
    expect(await refusal(hmac({ ...HEADER, alg: 'HS256' }, CLAIMS, pem))).toBe('TOKEN_INVALID');
    const before = reads();
    const jwk = stranger.publicKey.export({ format: 'jwk' });
    const head = { ...HEADER, jwk, jku: 'http://127.0.0.1:1/keys', x5u: 'http://127.0.0.1:1/x', x5c: ['AAAA'] };
    expect(await refusal(signed(head, CLAIMS, stranger.privateKey))).toBe('TOKEN_INVALID');
    expect(reads()).toBe(before);
  });

  test('other algorithms, each with its key', async () => {
    const bench = trustBench();
    const ed = generateKeyPairSync('ed25519');
    bench.publish(jwkOf(ed.publicKey, { kid: 'ed' }));
    const input = `${part({ alg: 'EdDSA', kid: 'ed' })}.${part(CLAIMS)}`;
    const { sign } = await import('node:crypto');
    const token = `${input}.${sign(null, Buffer.from(input), ed.privateKey).toString('base64url')}`;
    expect(await bench.refusal(token)).toBe('no error');
  });
});

describe('AT-12: what is read at all', () => {
  const good = signed(HEADER, CLAIMS);

  test.each<[string, string]>([
    ['nothing', ''],
    ['two parts', good.split('.').slice(0, 2).join('.')],
    ['four parts', `${good}.x`],
    ['padding', `${good}=`],
    ['a line end', `${good}\n`],
    ['standard base64', good.replace(/[-_]/g, '+')],
    ['over 16 KB', signed(HEADER, { ...CLAIMS, padding: 'x'.repeat(16_384) })],
    ['a list', `${part([])}.${part(CLAIMS)}.AAAA`],
    ['no JSON', `${part('{')}.${part(CLAIMS)}.AAAA`],
    ['no UTF-8', `${part(HEADER)}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.AAAA`],
    ['a BOM', `${part(HEADER)}.${part(`\ufeff${JSON.stringify(CLAIMS)}`)}.AAAA`],
    ['a claim twice', `${part(HEADER)}.${part('{"sub":"a","sub":"b"}')}.AAAA`],
    ['a claim twice, spelled differently', `${part(HEADER)}.${part('{"sub":"a","s\\u0075b":"b"}')}.AAAA`],
    ['a key of the header twice', `${part('{"alg":"none","alg":"RS256"}')}.${part(CLAIMS)}.AAAA`],
    ['a key twice deep inside', `${part(HEADER)}.${part('{"a":[{"b":{"c":1,"d":[],"c":2}}]}')}.AAAA`],
  ])('not: %s', (_name, text) => {
    expect(parseJwt(text)).toBeUndefined();
  });

  test('white space and any order, as other libraries write them', () => {
    const spaced = part('{ "iss" : "x",\n "a" : [ {"b":1}, {"b":2}, "b", "b" ], "c": "\\"d\\",\\"d\\":1" }');
    expect(parseJwt(`${part(HEADER)}.${spaced}.AAAA`)?.claims).toMatchObject({
      iss: 'x',
      a: [{ b: 1 }, { b: 2 }, 'b', 'b'],
    });
  });

  test('any JSON value has no key twice; with one of its keys again it has', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { minKeys: 1 }), (value) => {
        const text = JSON.stringify(value);
        expect(repeatsKeys(text)).toBe(false);
        const [name] = Object.keys(value);
        expect(repeatsKeys(`${text.slice(0, -1)},${JSON.stringify(name)}:0}`)).toBe(true);
        expect(repeatsKeys(`[${text},{"x":${text.slice(0, -1)} , ${JSON.stringify(name)}:0}}]`)).toBe(true);
      }),
    );
  });

  test('any text: a JWT or not, never an error, and at most 5 ms', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.array(fc.base64String({ maxLength: 200 }), { minLength: 2, maxLength: 4 }).map((parts) => parts.join('.')),
      fc.tuple(fc.json(), fc.json()).map(([head, body]) => `${part(head)}.${part(body)}.AAAA`),
    );
    fc.assert(
      fc.property(texts, (text) => void parseJwt(text)),
      { numRuns: 500 },
    );
    const worst = [`${part(`{${'"a":['.repeat(2000)}`)}.${part('['.repeat(12_000))}.AAAA`, `${'a'.repeat(16_383)}.`];
    const deep = part(`{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`);
    for (const text of [...worst, `${part(HEADER)}.${deep}.AAAA`]) {
      parseJwt(text);
      const times = [1, 2, 3, 4, 5].map(() => {
        const start = process.cpuUsage().user;
        parseJwt(text);
        return process.cpuUsage().user - start;
      });
      expect(Math.min(...times)).toBeLessThan(5000);
    }
  });

  test('any one changed character of a good token is refused', async () => {
    const { refusal } = trustBench();
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.constantFrom(...'ABab01-_.='), async (at, char) => {
        const changed = good.slice(0, at) + char + good.slice(at + 1);
        if (changed !== good) expect(await refusal(changed)).toBe('TOKEN_INVALID');
      }),
      { numRuns: 60 },
    );
  });

  test('a second signature, which anybody can make of one with ES256, makes no second token', async () => {
    const { publicKey, privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { publish, validate } = trustBench();
    publish(jwkOf(publicKey, { kid: 'k1', alg: 'ES256' }));
    const input = `${part({ alg: 'ES256', kid: 'k1' })}.${part(CLAIMS)}`;
    const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const other = (order - BigInt(`0x${signature.subarray(32).toString('hex')}`)).toString(16).padStart(64, '0');
    const second = Buffer.concat([signature.subarray(0, 32), Buffer.from(other, 'hex')]);
    const tokens = [signature, second].map((bytes) => `${input}.${bytes.toString('base64url')}`);
    const rule = { serviceAccount: 'trainer', oneTime: false, maxLifeMs: 900_000 } as TrustRule;
    const hashes = await Promise.all(tokens.map(async (token) => exchangeHash(token, await validate(token), rule)));
    expect(new Set(tokens).size).toBe(2);
    expect(new Set(hashes).size).toBe(1);
  });
});
