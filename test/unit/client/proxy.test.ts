import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { parseProxy, proxyFor, proxyName } from '../../../src/core/proxy.ts';

const TO = { host: 'fedctl.example.com', port: 9093 };
const named = (env: Record<string, string>, to = TO) => {
  const proxy = proxyFor(to, env);
  return proxy && proxyName(proxy);
};

describe('which proxy the environment names', () => {
  test.each([
    [{}, undefined],
    [{ HTTPS_PROXY: 'http://one:3128' }, 'http://one:3128'],
    [{ https_proxy: 'http://two:3128', HTTPS_PROXY: 'http://one:3128' }, 'http://two:3128'],
    [{ https_proxy: '', HTTPS_PROXY: 'http://one:3128' }, 'http://one:3128'],
    [{ ALL_PROXY: 'http://all:1' }, 'http://all:1'],
    [{ all_proxy: 'http://all:1', HTTPS_PROXY: 'http://one:3128' }, 'http://one:3128'],
    // Everything of ours is TLS: this one is for plain HTTP.
    [{ http_proxy: 'http://plain:1', HTTP_PROXY: 'http://plain:1' }, undefined],
    [{ HTTPS_PROXY: 'proxy.corp:3128' }, 'http://proxy.corp:3128'],
    [{ HTTPS_PROXY: 'http://proxy.corp' }, 'http://proxy.corp:80'],
    [{ HTTPS_PROXY: 'https://proxy.corp' }, 'https://proxy.corp:443'],
    [{ HTTPS_PROXY: ' http://[2001:db8::1]:8080/ ' }, 'http://[2001:db8::1]:8080'],
  ])('%j: %s', (env, expected) => {
    expect(named(env as Record<string, string>)).toBe(expected);
  });

  test.each(['localhost', '127.0.0.1', '127.8.9.10', '::1'])('never for this machine itself: %s', (host) => {
    expect(named({ HTTPS_PROXY: 'http://one:1' }, { host, port: 1 })).toBeUndefined();
  });

  test.each(['socks5://one:1080', 'ftp://one', 'http://', 'http://:3128', 'http://one:99999', 'http://%zz@one:1'])(
    'no proxy that can be used: %s',
    (text) => {
      expect(() => named({ HTTPS_PROXY: text })).toThrow(expect.objectContaining({ reason: 'PROXY_INVALID' }));
    },
  );

  test('SEC-01: its password is decoded, kept secret, and no error repeats it', () => {
    const proxy = parseProxy('http://ann:p%40ss%3Aword@one:1', 'HTTPS_PROXY');
    expect(proxy.authorization?.reveal()).toBe(`Basic ${Buffer.from('ann:p@ss:word').toString('base64')}`);
    expect(inspect(proxy) + JSON.stringify(proxy) + proxyName(proxy)).not.toMatch(/p@ss|p%40ss|YW5u/);
    const failure = (() => {
      try {
        return parseProxy('socks5://ann:canary@one:1', 'HTTPS_PROXY');
      } catch (error) {
        return error as Error & { hint: string };
      }
    })();
    expect(inspect(failure)).not.toContain('canary');
  });
});

describe('which servers NO_PROXY names', () => {
  test.each([
    ['*', 'any.example', 1, true],
    ['example.com', 'example.com', 1, true],
    ['example.com', 'a.b.example.com', 1, true],
    ['.example.com', 'a.example.com', 1, true],
    ['.example.com', 'example.com', 1, true],
    ['*.example.com', 'a.example.com', 1, true],
    ['EXAMPLE.com', 'a.Example.COM.', 1, true],
    ['example.com', 'badexample.com', 1, false],
    ['example.com', 'example.com.evil', 1, false],
    ['example.com:9093', 'example.com', 9093, true],
    ['example.com:9094', 'example.com', 9093, false],
    ['a.example,  b.example\tc.example', 'c.example', 1, true],
    ['10.0.0.0/8', '10.200.3.4', 1, true],
    ['10.0.0.0/8', '11.0.0.1', 1, false],
    ['10.0.0.0/8', 'ten.example', 1, false],
    ['10.1.2.3', '10.1.2.3', 1, true],
    ['10.1.2.3:9093', '10.1.2.3', 9094, false],
    ['2001:db8::/32', '2001:db8:7::1', 1, true],
    ['[2001:db8::1]:9093', '2001:0db8::1', 9093, true],
    ['2001:db8::1', '2001:db8::1', 5, true],
    ['10.0.0.0/99, /8, ,:, [', '10.0.0.1', 1, false],
    ['', 'example.com', 1, false],
  ])('%j and %s:%d: %s', (list, host, port, isNamed) => {
    const to = { host, port };
    expect(proxyFor(to, { HTTPS_PROXY: 'http://p:1', NO_PROXY: list }) === undefined).toBe(isNamed);
    expect(proxyFor(to, { HTTPS_PROXY: 'http://p:1', no_proxy: list }) === undefined).toBe(isNamed);
  });
});
