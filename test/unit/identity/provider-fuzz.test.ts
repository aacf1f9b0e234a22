import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CompactSign } from 'jose';
import { createDiscovery } from '../../../src/server/identity/discovery.ts';
import { createIdTokenKeys } from '../../../src/server/identity/id-token-keys.ts';
import { abilitiesOf } from '../../../src/server/identity/provider-client.ts';
import type { Transport } from '../../../src/server/identity/transport.ts';
import { fakeClock, reasonOf } from './fixtures.ts';

const ISSUER = 'https://idp.example';
const GOOD = {
  issuer: ISSUER,
  jwks_uri: `${ISSUER}/keys`,
  token_endpoint: `${ISSUER}/token`,
  device_authorization_endpoint: `${ISSUER}/device`,
  authorization_endpoint: `${ISSUER}/authorize`,
  revocation_endpoint: `${ISSUER}/revoke`,
  code_challenge_methods_supported: ['S256'],
};

function discoveryOf(body: string) {
  const asked: string[] = [];
  const transport = {
    fetch: async (url: string) => {
      asked.push(url);
      return new Response(body, { status: 200, headers: { 'content-type': 'application/json' } });
    },
  } as unknown as Transport;
  const options = { issuer: ISSUER, clientId: 'c', clientSecret: undefined, allowInsecure: false, endpointOrigins: [] };
  return { asked, discovery: createDiscovery({ ...options, transport, clock: fakeClock() }) };
}

const REASONS = ['IDENTITY_PROVIDER_UNAVAILABLE', 'IDENTITY_PROVIDER_REFUSED', 'IDENTITY_PROVIDER_MISCONFIGURED'];

describe('discovery', () => {
  test('MD-01, BC-08: fuzz: what is accepted is of this very issuer, and its endpoints are at home', async () => {
    const value = fc.oneof(
      fc.constantFrom(
        undefined,
        null,
        '',
        7,
        [],
        {},
        'javascript:alert(1)',
        'http://idp.example/x',
        'https://evil.example/token',
      ),
      fc.constantFrom(
        `${ISSUER}/`,
        'HTTPS://IDP.EXAMPLE',
        `${ISSUER}:443/token`,
        `${ISSUER}@evil.example/`,
        'https://idp.example.evil.example',
      ),
      fc.webUrl(),
      fc.string(),
    );
    const change = fc.record(Object.fromEntries(Object.keys(GOOD).map((key) => [key, value])), { requiredKeys: [] });
    await fc.assert(
      fc.asyncProperty(change, async (changed) => {
        const { asked, discovery } = discoveryOf(JSON.stringify({ ...GOOD, ...changed }));
        let abilities: ReturnType<typeof abilitiesOf> | undefined;
        const outcome = await reasonOf(async () => {
          const metadata = (await discovery.configuration()).serverMetadata();
          expect(metadata.issuer).toBe(ISSUER);
          for (const endpoint of [
            metadata.token_endpoint,
            metadata.device_authorization_endpoint,
            metadata.revocation_endpoint,
          ])
            if (typeof endpoint === 'string' && URL.canParse(endpoint)) expect(new URL(endpoint).origin).toBe(ISSUER);
          abilities = abilitiesOf(metadata);
        });
        if (outcome === 'no error') expect(abilities).toBeDefined();
        else expect(REASONS).toContain(outcome);
        expect(asked).toEqual([`${ISSUER}/.well-known/openid-configuration`]);
      }),
      { numRuns: 400, examples: [[{}]] },
    );
  });

  test('F-05: fuzz: bodies that are no metadata at all', async () => {
    const body = fc.oneof(
      fc.json(),
      fc.string(),
      fc.constantFrom('{"issuer":', '[]', 'null', '<html>', '{"__proto__":{"issuer":"https://idp.example"}}'),
    );
    await fc.assert(
      fc.asyncProperty(body, async (text) => {
        expect(REASONS).toContain(await reasonOf(() => discoveryOf(text).discovery.configuration()));
      }),
    );
  });

  test('what is taken for granted here is accepted', async () => {
    expect(await reasonOf(() => discoveryOf(JSON.stringify(GOOD)).discovery.configuration())).toBe('no error');
  });
});

describe('key sets (RFC 7517)', () => {
  const mine = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...mine.publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' };
  const sign = (kid: string) =>
    new CompactSign(Buffer.from('{}')).setProtectedHeader({ alg: 'ES256', kid }).sign(mine.privateKey);

  test('fuzz: whatever a set holds, only the key itself vouches for its token', async () => {
    const token = await sign('k');
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
    const junk = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(
        {},
        null,
        'x',
        { kty: 'oct', k: 'AAAA', kid: 'k' },
        { kty: 'EC', kid: 'k' },
        { kty: 'RSA', n: '', e: '', kid: 'k' },
      ),
      fc.constant({ ...other, kid: 'k', alg: 'ES256' }),
      fc.constant({ ...jwk, use: 'enc' }),
      fc.constant({ ...jwk, alg: 'ES384' }),
      fc.constant({ ...jwk, x: randomBytes(32).toString('base64url') }),
      fc.constant({ ...jwk, key_ops: ['sign'] }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(junk, { maxLength: 6 }), async (keys) => {
        const check = createIdTokenKeys({ now: () => 0 }).check(token, async () => ({ keys }) as never);
        await expect(check).rejects.toBeDefined();
      }),
      { numRuns: 300 },
    );
    await createIdTokenKeys({ now: () => 0 }).check(token, async () => ({ keys: [jwk] }) as never);
  });

  test('fuzz: no text is taken for a signed token', async () => {
    const token = await sign('k');
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '..', 'a.b.c'),
      fc
        .tuple(fc.nat(token.length - 1), fc.string({ minLength: 1, maxLength: 1 }))
        .map(([at, letter]) => token.slice(0, at) + letter + token.slice(at + 1)),
    );
    await fc.assert(
      fc.asyncProperty(text, async (given) => {
        const outcome = await createIdTokenKeys({ now: () => 0 })
          .check(given, async () => ({ keys: [jwk] }) as never)
          .then(
            () => 'accepted',
            () => 'refused',
          );
        const same = (one: string) =>
          one
            .split('.')
            .map((part) => Buffer.from(part, 'base64url').toString('hex'))
            .join('.');
        // Base64url leaves bits of a last letter unused: another spelling of the same token is the same token.
        expect(outcome === 'accepted' && same(given) !== same(token)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test('MD-03: tokens with unknown key ids make one more request each, and no more', async () => {
    let reads = 0;
    const keys = createIdTokenKeys({ now: () => 0 });
    const read = async () => {
      reads += 1;
      return { keys: [jwk] } as never;
    };
    for (let i = 0; i < 10; i += 1) await expect(keys.check(await sign(`x${i}`), read)).rejects.toBeDefined();
    expect(reads).toBeLessThanOrEqual(11);
  });
});
