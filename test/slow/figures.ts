import { appendFileSync } from 'node:fs';
import { expect } from '@jest/globals';

/** Adds figures to what docs/proof.md says of the test that runs. */
export function tell(figures: string): void {
  const { currentTestName: name } = expect.getState();
  const file = process.env.FEDCTL_SLOW_FIGURES;
  if (file) appendFileSync(file, `${JSON.stringify({ name, figures })}\n`);
  else process.stderr.write(`${name}: ${figures}\n`);
}

/** "12.3 s" */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** "median 1.2 s, longest 3.4 s" */
export function spread(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  return `median ${seconds(sorted[Math.floor(sorted.length / 2)] ?? 0)}, longest ${seconds(sorted.at(-1) ?? 0)}`;
}
