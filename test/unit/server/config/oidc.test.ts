import { describe, expect, test } from '@jest/globals';
import { configFrom } from '../../../../src/server/config/load.ts';

const provider = {
  alias: 'main',
  issuer: 'https://idp.example',
  'client-id': 'fedctl',
  'client-secret-file': 'secret',
};

const withProvider = (change: object) => () =>
  configFrom(
    {
      server: { 'tls-cert': 'tls.crt', 'tls-key': 'tls.key' },
      oidc: [{ ...provider, ...change }],
      openfga: { url: 'https://fga.example' },
      engine: { kind: 'none' },
    },
    '/etc',
  );

describe('[[oidc]]', () => {
  test.each(['https://api.example/flower', 'urn:example:flower', 'api://1234'])('RI-01: resource %s', (resource) => {
    expect(withProvider({ resource })().oidc[0].resource).toBe(resource);
  });

  test.each(['/flower', 'api', '', 'https://api.example/#x', 'https://api.example/a b', 7])(
    'RI-01: resource %j is none',
    (resource) => {
      expect(withProvider({ resource })).toThrow(/oidc.*resource/s);
    },
  );

  test.each([
    'https://oauth2.example.com',
    'https://oauth2.example.com:8443',
    'http://127.0.0.1:8080',
    'http://[::1]:1',
  ])('BC-08: endpoint-origins %s', (origin) => {
    expect(withProvider({ 'endpoint-origins': [origin] })().oidc[0].endpointOrigins).toEqual([origin]);
  });

  test.each([
    'oauth2.example.com',
    'https://a.example/',
    'https://a.example/token',
    'https://*.example',
    'ftp://a',
    '*',
    '',
  ])('BC-08: endpoint-origins %j is none', (origin) => {
    expect(withProvider({ 'endpoint-origins': [origin] })).toThrow(/endpoint-origins/);
  });

  test('BC-01: no passwords unless they are allowed', () => {
    expect(withProvider({})().oidc[0]).toMatchObject({ allowPassword: false, page: 'auto' });
    expect(withProvider({ 'allow-password': true, page: 'always' })().oidc[0]).toMatchObject({
      allowPassword: true,
      page: 'always',
    });
    expect(withProvider({ page: 'sometimes' })).toThrow(/page/);
  });
});
