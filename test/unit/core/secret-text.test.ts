import { describe, expect, jest, test } from '@jest/globals';
import { cutSecrets, traceWithoutSecrets } from '../../../src/core/secret-text.ts';

const JWT = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ';
const REFRESH = `fedrt_${'r'.repeat(43)}`;

describe('SEC-01: secrets in texts', () => {
  test.each([
    ['a JWT', JWT],
    ['a refresh token of ours', REFRESH],
    ['the handle of a login', `fedlg_${'h'.repeat(43)}`],
    ['a bearer header', 'Bearer opaque-canary-of-somebody'],
    ['a form', 'grant_type=x&client_secret=canary-secret&scope=y'],
    ['a URL with a password', 'https://me:canary-secret@proxy.example'],
  ])('%s is cut', (_what, secret) => {
    const cut = cutSecrets(`before ${secret} after`);
    expect(cut).toMatch(/^before .*\[secret\].* after$/);
    expect(cut).not.toMatch(/canary|rrrr|hhhh/);
  });

  test('what is no secret stays', () => {
    const text = 'GET https://id.example.org/realms/lab 200 in 12 ms, fedctl_version 0.1.0, federation @fedctl/default';
    expect(cutSecrets(text)).toBe(text);
  });

  test('what grpc-js traces of a call goes to stderr without its tokens', () => {
    const written: string[] = [];
    const stderr = jest.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    try {
      let logger: Partial<Console> = {};
      traceWithoutSecrets((one) => {
        logger = one;
      });
      const metadata = { authorization: [`Bearer ${JWT}`], 'flwr-oidc-refresh-token': [REFRESH] };
      logger.debug?.(`received headers ${JSON.stringify(metadata)}`);
    } finally {
      stderr.mockRestore();
    }
    expect(written.join('')).toMatch(/^D received headers .*authorization.*\[secret\]/);
    expect(written.join('')).not.toContain(JWT);
    expect(written.join('')).not.toContain(REFRESH);
  });
});
