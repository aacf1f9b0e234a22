import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/core/log.ts';
import { createKeySet } from '../../../src/server/identity/trust/key-set.ts';
import { checkSignature } from '../../../src/server/identity/trust/offline.ts';
import { parseJws } from '../../../src/server/identity/trust/strict-jwt.ts';
import { fakeClock } from './fixtures.ts';

type Jwk = Record<string, unknown>;
type Vector = { tcId: number; comment: string; jws: unknown; result: 'valid' | 'invalid' };
type Group = { public?: Jwk; private?: Jwk; tests: Vector[] };

const FOLDER = join(import.meta.dirname, '../../fixtures/wycheproof');
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

function vectorsOf(file: string): (Vector & { keys: Jwk[] })[] {
  const { testGroups } = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as { testGroups: Group[] };
  return testGroups.flatMap((group) => {
    const key = group.public ?? group.private ?? {};
    const keys = Array.isArray(key.keys) ? (key.keys as Jwk[]) : [key];
    return group.tests.map((vector) => ({ ...vector, keys }));
  });
}

/** As a token of a trusted issuer that publishes these keys is judged, up to its claims. */
async function accepts({ jws, keys }: { jws: unknown; keys: Jwk[] }): Promise<boolean> {
  const text = typeof jws === 'string' ? jws : JSON.stringify(jws);
  const parsed = parseJws(text);
  if (!parsed) return false;
  const read = async () => ({ keys }) as never;
  const set = createKeySet({ issuer: 'vectors', read, clock: fakeClock(), log: silentLogger });
  return checkSignature(text, parsed.header, { issuer: { algorithms: ALGORITHMS }, keys: set }).then(
    () => true,
    () => false,
  );
}

/** Vectors on which we say no where others may say yes; each with its reason. */
const STRICTER: Readonly<Record<string, string>> = {
  346: 'the key says PS256, the header PS384: a key is used for its own algorithm only (AT-13)',
  350: 'the same, with key_ops',
  347: 'the key says "ES521", which is no algorithm (RFC 7518 section 3.4 has ES512)',
  351: 'the same, with key_ops',
  372: 'a character in the header that base64url has not is passed over by lenient decoders; here one text is one value',
  373: 'the same in the payload',
};

const isHmac = ({ jws }: Vector) => typeof jws === 'string' && parseJws(jws)?.header.alg?.toString().startsWith('HS');

describe('Wycheproof JWS', () => {
  const vectors = vectorsOf('json_web_signature_test.json');

  test('all vectors are there', () => expect(vectors).toHaveLength(401));

  test.each(vectors.map((vector) => [vector.tcId, vector.comment, vector] as const))(
    'AT-05, AT-06: %d %s',
    async (tcId, _comment, vector) => {
      // Whoever can check an HMAC can make one: for tokens of others none is taken, good or bad (AT-06).
      const expected = vector.result === 'valid' && !isHmac(vector) && !(tcId in STRICTER);
      expect(await accepts(vector)).toBe(expected);
    },
  );

  test('every stricter one is a valid vector, so that no exception hides a fault', () => {
    for (const tcId of Object.keys(STRICTER))
      expect(vectors.find((vector) => vector.tcId === Number(tcId))?.result).toBe('valid');
  });
});

describe('Wycheproof JWK', () => {
  const vectors = vectorsOf('json_web_key_test.json');
  test('all vectors are there', () => expect(vectors).toHaveLength(26));

  test.each(vectors.map((vector) => [vector.tcId, vector.comment, vector] as const))(
    'AT-13: %d %s',
    async (_tcId, _comment, vector) => {
      expect(await accepts(vector)).toBe(vector.result === 'valid' && !isHmac(vector));
    },
  );
});
