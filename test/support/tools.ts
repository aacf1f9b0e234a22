import { FLOWER_VERSION, type Flower, findFlower } from '../../src/dev/tools/flower.ts';
import { findOpenFga } from '../../src/dev/tools/openfga.ts';

const progress = (line: string): void => void process.stderr.write(`${line}\n`);

/** Path of the OpenFGA program, fetched into the per-user cache where it is not there yet. */
export function openFgaPath(): Promise<string> {
  return findOpenFga({ progress, env: process.env });
}

/** Flower's programs, of the release that the embedded stack uses. */
export function flowerPrograms(): Promise<Flower> {
  return findFlower({ version: FLOWER_VERSION, progress, env: process.env });
}
