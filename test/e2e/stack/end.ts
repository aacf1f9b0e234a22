import { held } from './start.ts';

export default async function endSharedStack(): Promise<void> {
  const code = await held.fedctlStack?.stop();
  if (code) throw new Error(`The shared stack ended with ${code}.`);
}
