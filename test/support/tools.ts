import { findOpenFga } from '../../src/dev/tools/openfga.ts';

const progress = (line: string): void => void process.stderr.write(`${line}\n`);

/** Path of the OpenFGA program, fetched into the per-user cache where it is not there yet. */
export function openFgaPath(): Promise<string> {
  return findOpenFga({ progress, env: process.env });
}
