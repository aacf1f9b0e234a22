import { parse } from '@iarna/toml';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SETTINGS } from '../../../../src/server/config/settings.ts';
import { IDP_KINDS, issuerOf, kindOfIssuer } from '../../../../src/server/config/setup-idp-kinds.ts';
import { type ProviderTable, withProvider } from '../../../../src/server/config/setup-idp-table.ts';
import { renderTemplate } from '../../../../src/server/config/template.ts';

const TABLE: ProviderTable = {
  alias: 'lab',
  issuer: 'https://id.example.org/realms/lab',
  'client-id': 'fedctl',
  'client-secret-file': 'lab.client-secret',
};
const tables = (text: string) => (parse(text) as { oidc?: unknown[] }).oidc;

describe('kinds of providers', () => {
  test.each(IDP_KINDS.map((kind) => [kind.id, kind] as const))('%s: its issuer from its parts', (id, kind) => {
    const parts = Object.fromEntries(kind.parts.map(({ name, example }) => [name, example]));
    const issuer = issuerOf(kind, parts);
    expect(URL.canParse(issuer)).toBe(true);
    expect(issuer).not.toMatch(/[{}]/);
    expect(kindOfIssuer(issuer).id).toBe(id);
    // A slash more or less is a slip, no other kind.
    expect(kindOfIssuer(issuer.endsWith('/') ? issuer.slice(0, -1) : `${issuer}/`).id).toBe(id);
    for (const [key, value] of Object.entries(kind.settings ?? {})) {
      const setting = SETTINGS.oidc[key as keyof typeof SETTINGS.oidc];
      expect(setting.parse(value, { dir: '.' })).toMatchObject({ ok: true });
    }
  });

  test('a part may be pasted as a URL', () => {
    const [keycloak] = IDP_KINDS;
    expect(issuerOf(keycloak, { host: 'https://id.example.org/', realm: '/lab/' })).toBe(TABLE.issuer);
  });
});

describe('the [[oidc]] table in a server.toml', () => {
  test('fills in what server init left open, and leaves the rest byte for byte', () => {
    const before = renderTemplate({ oidc: { alias: 'main', 'client-secret-file': 'client-secret' } });
    const after = withProvider(before, TABLE);
    expect(tables(after)).toEqual([TABLE]);
    const changed = after.split('\n').filter((line, at) => line !== before.split('\n')[at]);
    expect(changed).toEqual([
      'alias = "lab"',
      `issuer = "${TABLE.issuer}"`,
      'client-id = "fedctl"',
      'client-secret-file = "lab.client-secret"',
    ]);
  });

  test('appends a table of its own where all are whole', () => {
    const before = `# mine\n[[oidc]] # first\nalias = "a"\nissuer = "https://a.example"\nclient-id = "x"\n\n[openfga]\nurl = "https://f.example"`;
    const after = withProvider(before, TABLE);
    expect(after.startsWith(`${before}\n\n[[oidc]]\n`)).toBe(true);
    expect(tables(after)).toHaveLength(2);
  });

  test('keeps the line ends of the file', () => {
    const before = '[[oidc]]\r\nalias = "lab"\r\n\r\n[server]\r\n';
    const after = withProvider(before, TABLE);
    expect(after.replaceAll('\r\n', '')).not.toContain('\n');
    expect(tables(after)).toEqual([TABLE]);
  });

  test.each([
    ['alias', { ...TABLE, issuer: 'https://b.example' }],
    ['issuer', { ...TABLE, alias: 'other' }],
  ])('refuses the same %s twice', (what, table) => {
    const before = withProvider('', TABLE);
    expect(() => withProvider(before, table)).toThrow(
      expect.objectContaining({ reason: 'PROVIDER_CONFIGURED', message: expect.stringContaining(what) }),
    );
  });

  test('a file that is written in another way is left to its owner', () => {
    const before = 'oidc = [{ alias = "a", issuer = "https://a.example", client-id = "x" }]\n';
    expect(() => withProvider(before, TABLE)).toThrow(expect.objectContaining({ reason: 'CONFIG_NOT_EDITABLE' }));
  });

  test('any text as a value comes back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        expect(tables(withProvider('[server]\n', { ...TABLE, name }))).toEqual([{ ...TABLE, name }]);
      }),
    );
  });
});
