import { expect, test } from '@jest/globals';
import { decodedDocument, decodedLines, decodeToken } from '../../../src/cli/token-claims-view.ts';
import { tokenLine } from '../../../src/cli/token-view.ts';
import { Secret } from '../../../src/core/secret.ts';

const NOW = Date.parse('2026-11-23T00:00:00Z');
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (claims: object, header: object = { alg: 'EdDSA', typ: 'at+jwt' }) =>
  new Secret(`${part(header)}.${part(claims)}.c2lnbmF0dXJl`);

test('what a token says, its times marked; never its signature', () => {
  const token = decodeToken(
    jwt({ iss: 'https://lab.example', exp: NOW / 1000 + 600, auth_time: NOW / 1000 - 7200, groups: ['a', 'b'] }),
  );
  expect(decodedLines(token, NOW)).toEqual([
    'Header',
    '  alg: EdDSA',
    '  typ: at+jwt',
    'Claims',
    '  iss:       https://lab.example',
    '  exp:       1795392600 (2026-11-23T00:10:00Z, in 10 minutes)',
    '  auth_time: 1795384800 (2026-11-22T22:00:00Z, 2 hours ago)',
    '  groups:    ["a","b"]',
  ]);
  expect(decodedDocument(token)).toMatchObject({ times: { exp: '2026-11-23T00:10:00.000Z' } });
  expect(JSON.stringify(decodedDocument(token))).not.toContain('c2lnbmF0dXJl');
});

test('T-21: names and values of a foreign token can not act on the terminal', () => {
  const lines = decodedLines(decodeToken(jwt({ 'a\u001b[2J': 'b\u001b]0;x\u0007', exp: 1e99 })), NOW).join('\n');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  expect(lines).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  expect(lines).toContain('exp: 1e+99');
});

test.each(['opaque', 'a.b', 'a.b.c', `${part([])}.${part([])}.x`])('%s says nothing', (text) => {
  expect(() => decodeToken(new Secret(text))).toThrow(expect.objectContaining({ reason: 'TOKEN_OPAQUE' }));
});

test('formats', () => {
  expect(tokenLine.raw('a.b.c')).toBe('a.b.c');
  expect(tokenLine.header('a.b.c')).toBe('Authorization: Bearer a.b.c');
  expect(tokenLine.env('a.b.c')).toBe('export FEDCTL_TOKEN=a.b.c');
  expect(tokenLine.env("a'$(b)")).toBe("export FEDCTL_TOKEN='a'\\''$(b)'");
});
