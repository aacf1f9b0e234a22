import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Secret } from '../../../src/core/secret.ts';
import { deriveKey, newPassphraseKey } from '../../../src/credentials/passphrase.ts';
import { parseMeta, parseTokens } from '../../../src/credentials/records.ts';
import {
  isKeyOf,
  type KeyFacts,
  keyCheck,
  openSealed,
  parseSealed,
  sealPair,
} from '../../../src/credentials/sealed.ts';

const key = randomBytes(32);
const facts: KeyFacts = { kind: 'keyring', check: keyCheck(key) };
const pair = { accessToken: new Secret('access-token'), refreshToken: new Secret('refresh-token') };
const binding = { server: 'host:9093', ca: 'system', session: 's1' };
const sealed = () => sealPair(pair, binding, { key, facts });
const open = (text: string, by = key) => openSealed(parseSealed(text, 'FILE'), by, 'FILE');
const corrupt = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return (error as { reason?: string }).reason;
  }
  return 'opened';
};

describe('a sealed pair', () => {
  test('opens with its key, and shows nothing of the tokens', () => {
    const text = sealed();
    expect(open(text).accessToken.reveal()).toBe('access-token');
    expect(open(text).refreshToken.reveal()).toBe('refresh-token');
    for (const token of ['access-token', 'refresh-token']) {
      expect(text).not.toContain(token);
      expect(text).not.toContain(Buffer.from(token).toString('base64').replace(/=+$/, ''));
    }
    expect(sealed()).not.toBe(text);
  });

  test('flwr finds none of its keys in it', () => {
    expect(Object.keys(JSON.parse(sealed()))).toEqual([
      'fedctl-sealed',
      'server',
      'ca',
      'session',
      'token',
      'key',
      'nonce',
      'data',
    ]);
    expect(corrupt(() => parseTokens(sealed(), 'FILE'))).toBe('CREDENTIALS_CORRUPT');
  });

  test('an empty refresh token stays empty', () => {
    const text = sealPair({ ...pair, refreshToken: new Secret('') }, binding, { key, facts });
    expect(open(text).refreshToken.reveal()).toBe('');
  });

  test('another key is known as that, and opens nothing', () => {
    const other = randomBytes(32);
    expect([isKeyOf(key, facts), isKeyOf(other, facts)]).toEqual([true, false]);
    expect(corrupt(() => open(sealed(), other))).toBe('CREDENTIALS_CORRUPT');
  });

  test.each(['server', 'ca', 'session', 'token'])('CF-05: with another %s it does not open', (name) => {
    const file = JSON.parse(sealed());
    expect(corrupt(() => open(JSON.stringify({ ...file, [name]: `${file[name]}x` })))).toBe('CREDENTIALS_CORRUPT');
  });

  test('CF-07: truncated at each byte, and with any bit changed, it is damaged and says nothing', () => {
    const text = sealed();
    for (let size = 0; size < text.trimEnd().length; size += 1) {
      expect([size, corrupt(() => open(text.slice(0, size)))]).toEqual([size, 'CREDENTIALS_CORRUPT']);
    }
    const file = JSON.parse(text);
    const data = Buffer.from(file.data, 'base64');
    for (let bit = 0; bit < data.length * 8; bit += 1) {
      const changed = Buffer.from(data);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const broken = JSON.stringify({ ...file, data: changed.toString('base64') });
      expect([bit, corrupt(() => open(broken))]).toEqual([bit, 'CREDENTIALS_CORRUPT']);
    }
  });
});

describe('a key of a passphrase', () => {
  test('is that of the passphrase and its parameters alone; the spelling of a character does not matter', async () => {
    const made = await newPassphraseKey(new Secret('caf\u00e9'));
    if (made.facts.kind !== 'passphrase') throw new Error('kind');
    expect(made.facts).toMatchObject({ n: 2 ** 17, r: 8, p: 1 });
    expect(await deriveKey(new Secret('cafe\u0301'), made.facts)).toEqual(made.key);
    const wrong = await deriveKey(new Secret('cafe'), made.facts);
    expect(isKeyOf(wrong, made.facts)).toBe(false);
    const again = await newPassphraseKey(new Secret('caf\u00e9'));
    expect(again.key.equals(made.key)).toBe(false);
  });

  test.each([
    { n: 2 ** 30 },
    { n: 2 ** 17 + 1 },
    { n: 4 },
    { r: 10_000 },
    { p: 1000 },
    { p: 0 },
    { salt: '' },
    { salt: 'AAAA' },
    { check: 'x' },
    { kind: 'other' },
  ])('parameters out of reason are damage: %j', (change) => {
    const salt = randomBytes(16).toString('base64');
    const passphrase: KeyFacts = { kind: 'passphrase', check: keyCheck(key), n: 2 ** 17, r: 8, p: 1, salt };
    const file = JSON.parse(sealPair(pair, binding, { key, facts: passphrase }));
    expect(open(JSON.stringify(file)).accessToken.reveal()).toBe('access-token');
    const changed = JSON.stringify({ ...file, key: { ...file.key, ...change } });
    expect(corrupt(() => open(changed))).toBe('CREDENTIALS_CORRUPT');
  });
});

describe('CF-07: whatever stands in a file, it is read or damaged', () => {
  const outcome = (work: () => unknown) => {
    try {
      work();
      return 'read';
    } catch (error) {
      const { reason, message } = error as { reason?: string; message: string };
      expect(message).toContain('FILE');
      return reason;
    }
  };
  const readers = [
    (text: string) => parseTokens(text, 'FILE'),
    (text: string) => parseMeta(text, 'FILE'),
    (text: string) => open(text),
  ];
  const SOUND = ['read', 'CREDENTIALS_CORRUPT'];

  test('any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        for (const read of readers) expect(SOUND).toContain(outcome(() => read(text)));
      }),
      { numRuns: 200 },
    );
  });

  test('files of ours with any field changed', () => {
    const plain = {
      'authn-type': 'oidc',
      'auth-type': 'oidc',
      'flwr-oidc-access-token': 'a',
      'flwr-oidc-refresh-token': 'r',
    };
    const record = {
      server: 'h:1',
      ca: 'system',
      issuer: 'i',
      session: 's',
      account: 'a',
      'access-token-sha256': 'x',
      'received-at': 1,
      'expires-in': 1,
      boot: '',
      uptime: 0,
      generation: 1,
      storage: 'none',
      name: 'a',
      kind: 'fedctl',
    };
    const files = [plain, { version: 1, records: [record] }, record, JSON.parse(sealed()), JSON.parse(sealed()).key];
    const change = fc.tuple(fc.constantFrom(...files), fc.nat(), fc.jsonValue()).map(([file, at, value]) => {
      const names = Object.keys(file);
      const changed = { ...file, [names[at % names.length] ?? '']: value };
      if (file === record) return { version: 1, records: [changed] };
      return file === files[4] ? { ...JSON.parse(sealed()), key: changed } : changed;
    });
    fc.assert(
      fc.property(change, (file) => {
        for (const read of readers) expect(SOUND).toContain(outcome(() => read(JSON.stringify(file))));
      }),
      { numRuns: 400 },
    );
  });
});
