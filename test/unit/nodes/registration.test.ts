import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { checkLocation, checkName, checkPublicKey } from '../../../src/server/nodes/registration.ts';

const pem = (key: KeyObject) => String(key.export({ type: 'spki', format: 'pem' }));
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const check = (text: string) => Buffer.from(checkPublicKey(Buffer.from(text))).toString();
const INVALID = expect.objectContaining({ code: 'FAILED_PRECONDITION', reason: 'NODE_KEY_INVALID' });
const refusal = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('was taken');
};

describe('a public key', () => {
  test.each(['prime256v1', 'secp384r1', 'secp521r1'])('%s is taken as it is', (curve) => {
    const text = pem(ec(curve).publicKey);
    expect(check(text)).toBe(text);
  });

  test('other spellings of it become the one that Python writes', () => {
    const text = pem(ec('secp384r1').publicKey);
    expect(check(text.replaceAll('\n', '\r\n'))).toBe(text);
    const body = text.replace(/-----[^-]+-----|\s/g, '');
    expect(check(`\n-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----`)).toBe(text);
    // The prefix of a P-256 key with a compressed point (RFC 5480, 2.2).
    const key = ec('prime256v1').publicKey;
    const { x = '', y = '' } = key.export({ format: 'jwk' });
    const sign = (Buffer.from(y, 'base64url').at(-1) ?? 0) % 2 === 0 ? 2 : 3;
    const prefix = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex');
    const der = Buffer.concat([prefix, Buffer.from([sign]), Buffer.from(x, 'base64url')]);
    expect(check(`-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`)).toBe(pem(key));
  });

  test('of another kind or curve is refused', () => {
    const keys = [
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
      generateKeyPairSync('ed25519'),
      ec('secp256k1'),
      ec('secp224r1'),
      ec('brainpoolP256r1'),
    ];
    for (const { publicKey } of keys) expect(refusal(() => check(pem(publicKey)))).toEqual(INVALID);
  });

  test('a private key is never taken for one, nor a certificate, two keys, or anything else', () => {
    const { privateKey, publicKey } = ec('prime256v1');
    const one = pem(publicKey);
    const others = [
      String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
      String(privateKey.export({ type: 'sec1', format: 'pem' })),
      one + one,
      `${one}x`,
      '',
      'ecdsa-sha2-nistp256 AAAA',
      '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n',
      one.replace('\n', `\n${' '.repeat(5000)}`),
      one.replace('E', 'É'),
    ];
    for (const text of others) expect(refusal(() => check(text))).toEqual(INVALID);
  });
});

test('a name is one line that can be shown', () => {
  for (const name of ['', 'Ward 7', 'Köln · 東京', 'x'.repeat(100)]) expect(checkName(name)).toBe(name);
  for (const name of ['x'.repeat(101), 'a\nb', '\u001b[31m', ' padded', 'rtl\u202e']) {
    expect(refusal(() => checkName(name))).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'NODE_NAME_INVALID' });
  }
});

test('a location is a place on earth', () => {
  expect(checkLocation('')).toBe('');
  expect(checkLocation('48.137,11.575')).toBe('48.137,11.575');
  expect(checkLocation(' -90, 180.0 ')).toBe('-90,180.0');
  for (const text of ['91,0', '0,-181', '1', '1,2,3', 'nan,0', '1e1,0', 'a,b', '0x10,0']) {
    expect(refusal(() => checkLocation(text))).toMatchObject({ reason: 'NODE_LOCATION_INVALID' });
  }
});
