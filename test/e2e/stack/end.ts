import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { held } from './start.ts';

/** Ends the shared stack. @throws where its control plane met an error that nobody foresaw, or where it ends with one */
export default async function endSharedStack(): Promise<void> {
  const stack = held.fedctlStack;
  if (stack === undefined) return;
  const log = readFileSync(join(stack.facts.state, 'logs/control-plane.log'), 'utf8');
  const code = await stack.stop();
  const errors = log.split('\n').filter((line) => line.includes('"level":"error"'));
  if (errors.length > 0) throw new Error(`The control plane logged errors:\n${errors.join('\n')}`);
  if (code !== 0) throw new Error(`The shared stack ended with ${code}:\n${stack.progress()}`);
}
