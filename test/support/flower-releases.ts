import { dirname } from 'node:path';
import { findFlower } from '../../src/dev/tools/flower.ts';

/**
 * Folder of a Python environment with this release of Flower, from the per-user cache, where it is put at the first
 * call. FEDCTL_FLOWER holds the default release and says nothing of others.
 */
export async function flowerVenv(release: string): Promise<string> {
  const { FEDCTL_FLOWER: _, ...env } = process.env;
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  return dirname((await findFlower({ version: release, progress, env })).bin);
}
