import { describe, expect, test } from '@jest/globals';
import { cacheFolder } from '../../../src/dev/tools/cache.ts';
import { findChecksum } from '../../../src/dev/tools/download.ts';
import { archiveName, releaseFolder } from '../../../src/dev/tools/openfga.ts';

const HASH = 'ab'.repeat(32);

describe('names of tools', () => {
  test.each([
    ['linux', 'x64', 'openfga_1.22.1_linux_amd64.tar.gz'],
    ['linux', 'arm64', 'openfga_1.22.1_linux_arm64.tar.gz'],
    ['darwin', 'arm64', 'openfga_1.22.1_darwin_arm64.tar.gz'],
  ])('the archive for %s on %s', (platform, arch, name) => {
    expect(archiveName(platform, arch)).toBe(name);
  });

  test('a platform without releases is told the choices', () => {
    expect(() => archiveName('sunos', 'x64')).toThrow(expect.objectContaining({ reason: 'TOOL_MISSING' }));
  });

  test('a checksum is that of exactly this file', () => {
    const text = `${'00'.repeat(32)}  other-a.tar.gz\n${HASH.toUpperCase()} *a.tar.gz\nnonsense  b.tar.gz\n`;
    expect(findChecksum(text, 'a.tar.gz')).toBe(HASH);
    expect(findChecksum(text, 'b.tar.gz')).toBeUndefined();
    expect(findChecksum(text, 'c.tar.gz')).toBeUndefined();
  });

  test('a release folder is https, or on this machine', () => {
    expect(releaseFolder('https://mirror.test/v1').href).toBe('https://mirror.test/v1/');
    expect(releaseFolder('http://127.0.0.1:8080/v1/').href).toBe('http://127.0.0.1:8080/v1/');
    for (const address of ['http://mirror.test/v1', 'http://127.0.0.1.evil.test/v1', 'http://localhost@evil.test/']) {
      expect(() => releaseFolder(address)).toThrow(expect.objectContaining({ reason: 'TOOL_URL_INSECURE' }));
    }
  });

  test('the cache folder follows XDG, then HOME', () => {
    expect(cacheFolder({ XDG_CACHE_HOME: '/c', HOME: '/h' })).toBe('/c/fedctl');
    expect(cacheFolder({ HOME: '/h' })).toBe('/h/.cache/fedctl');
  });
});
