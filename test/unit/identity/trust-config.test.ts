import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from '@iarna/toml';
import { describe, expect, test } from '@jest/globals';
import { configFrom } from '../../../src/server/config/load.ts';
import { trustOf } from '../../../src/server/trust-parts.ts';

const trust = { alias: 'ci', issuer: 'https://token.actions.example' };
const rule = { trust: 'ci', claims: { repository_id: '1', ref: 'refs/heads/main' }, 'service-account': 'trainer' };

const read = (tables: object) =>
  configFrom(
    {
      server: { 'tls-cert': 'tls.crt', 'tls-key': 'tls.key', 'public-url': 'https://lab.example' },
      oidc: [{ alias: 'main', issuer: 'https://idp.example', 'client-id': 'web', 'client-secret-file': 'secret' }],
      openfga: { url: 'https://fga.example' },
      engine: { address: '10.0.0.1:9093' },
      ...tables,
    },
    '/etc',
  );

function complaint(tables: object): string {
  try {
    read(tables);
    return 'none';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('[[trust]] and [[trust-rule]]', () => {
  test('may be absent; with what must be said, all else has a default', async () => {
    expect(read({})).toMatchObject({ trust: [], trustRule: [], tokens: { audiences: [] } });
    const { issuers, rules } = await trustOf(read({ trust: [trust], 'trust-rule': [rule] }));
    expect(issuers).toMatchObject([
      {
        ...trust,
        audience: ['https://lab.example', 'https://lab.example'],
        validation: 'jwks',
        algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
        tokenType: 'any',
        loginClients: ['web'],
        isLoginIssuer: false,
      },
    ]);
    expect(rules).toEqual([
      {
        trust: 'ci',
        claims: rule.claims,
        serviceAccount: 'trainer',
        person: undefined,
        personClaim: 'sub',
        scopes: undefined,
        oneTime: false,
        maxLifeMs: 900_000,
      },
    ]);
  });

  test('the examples of docs/tokens.md are taken', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/tokens.md'), 'utf8');
    const examples = [...text.matchAll(/```toml\n(.*?)```/gs)].map(([, example = '']) => parse(example));
    expect(examples).toHaveLength(2);
    for (const example of examples) expect(complaint(example)).toBe('none');
  });

  test('AT-02: an issuer of logins is known as one; a person is of their own provider', async () => {
    const own = { ...trust, issuer: 'https://idp.example' };
    const tables = { trust: [own], 'trust-rule': [{ trust: 'ci', person: 'main', scopes: ['runs:read'] }] };
    const { issuers, rules } = await trustOf(read(tables));
    expect(issuers).toMatchObject([{ isLoginIssuer: true }]);
    const person = { issuer: 'https://idp.example', alias: 'main' };
    expect(rules).toMatchObject([{ person, serviceAccount: undefined, claims: {}, scopes: ['runs:read'] }]);
  });

  test.each<[string, object, string]>([
    ['the alias of a login', { trust: [{ ...trust, alias: 'main' }] }, 'trust[0].alias'],
    ['"local"', { trust: [{ ...trust, alias: 'local' }] }, 'trust[0].alias'],
    ['one alias twice', { trust: [trust, { ...trust, issuer: 'https://b.example' }] }, 'trust[1].alias'],
    ['one issuer twice', { trust: [trust, { ...trust, alias: 'b' }] }, 'trust[1].issuer'],
    ['this server', { trust: [{ ...trust, issuer: 'https://lab.example' }] }, 'trust[0].issuer'],
    ['http', { trust: [{ ...trust, issuer: 'http://ci.example', 'allow-http': true }] }, 'trust[0].issuer'],
    ['http without leave', { trust: [{ ...trust, issuer: 'http://127.0.0.1:1' }] }, 'trust[0].issuer'],
    ['keys over http', { trust: [{ ...trust, 'jwks-url': 'http://ci.example/keys' }] }, 'trust[0].jwks-url'],
    ['no client for introspection', { trust: [{ ...trust, validation: 'introspection' }] }, 'trust[0]'],
    ['AT-06: HMAC', { trust: [{ ...trust, algorithms: ['HS256'] }] }, 'trust[0].algorithms'],
    ['no algorithm', { trust: [{ ...trust, algorithms: [] }] }, 'trust[0].algorithms'],
    ['a rule about nothing', { 'trust-rule': [rule] }, 'trust-rule[0].trust'],
    ['for nobody', { trust: [trust], 'trust-rule': [{ ...rule, 'service-account': undefined }] }, 'trust-rule[0]'],
    ['for two', { trust: [trust], 'trust-rule': [{ ...rule, person: 'main' }] }, 'trust-rule[0]'],
    ['TX-04: any token', { trust: [trust], 'trust-rule': [{ ...rule, claims: {} }] }, 'trust-rule[0].claims'],
    [
      'a claim that is no text',
      { trust: [trust], 'trust-rule': [{ ...rule, claims: { a: 1 } }] },
      'trust-rule[0].claims',
    ],
    [
      'a name that is none',
      { trust: [trust], 'trust-rule': [{ ...rule, 'service-account': 'a b' }] },
      'service-account',
    ],
    ['an unknown person', { trust: [trust], 'trust-rule': [{ trust: 'ci', person: 'other' }] }, 'trust-rule[0].person'],
    ['too long a life', { trust: [trust], 'trust-rule': [{ ...rule, 'max-life': '1h' }] }, 'trust-rule[0].max-life'],
    ['an unknown scope', { trust: [trust], 'trust-rule': [{ ...rule, scopes: ['all'] }] }, 'trust-rule[0].scopes'],
  ])('is refused: %s', (_name, tables, path) => {
    const said = complaint(tables);
    const [table = '', key = ''] = path.split(/\.(?=[^.]+$)/);
    expect(said).toContain(table.replace(/\[\d+\]$/, ''));
    expect(said).toContain(key);
  });
});
