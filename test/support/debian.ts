import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../src/dev/tools/cache.ts';

/**
 * A file of Debian's packages, unpacked (not installed) in the per-user cache.
 * @param name folder in the cache; another one for another set of packages
 * @throws where the packages can't be fetched
 */
export function debianFile(name: string, packages: readonly string[], path: string): string {
  const folder = join(cacheFolder(process.env), name);
  const file = join(folder, path);
  if (existsSync(file)) return file;
  mkdirSync(cacheFolder(process.env), { recursive: true });
  const work = mkdtempSync(join(cacheFolder(process.env), `${name}-`));
  execFileSync('apt-get', ['download', ...packages], { cwd: work, stdio: 'pipe' });
  for (const archive of readdirSync(work).filter((one) => one.endsWith('.deb'))) {
    execFileSync('dpkg', ['-x', archive, 'tree'], { cwd: work });
  }
  if (!existsSync(folder)) renameSync(join(work, 'tree'), folder);
  rmSync(work, { recursive: true });
  return file;
}
