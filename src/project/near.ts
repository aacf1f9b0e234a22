import { editDistance } from '../core/edit-distance.ts';

/** Up to three of `known` that a person may have meant by `text`, the nearest first. */
export function nearMatches(text: string, known: readonly string[]): readonly string[] {
  const short = text.slice(0, 64).toLowerCase();
  const limit = Math.max(2, Math.floor(short.length / 3));
  return known
    .map((name) => ({ name, far: editDistance(short, name.slice(0, 64).toLowerCase()) }))
    .filter(({ name, far }) => far <= limit || name.toLowerCase().split('.').at(-1) === short)
    .sort((a, b) => a.far - b.far)
    .slice(0, 3)
    .map(({ name }) => name);
}
