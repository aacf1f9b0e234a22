/** Edits (insert, delete, replace) that turn `a` into `b`. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Up to three of `known` that a person may have meant by `text`, the nearest first. */
export function nearMatches(text: string, known: readonly string[]): readonly string[] {
  const short = text.slice(0, 64).toLowerCase();
  const limit = Math.max(2, Math.floor(short.length / 3));
  return known
    .map((name) => ({ name, far: distance(short, name.slice(0, 64).toLowerCase()) }))
    .filter(({ name, far }) => far <= limit || name.toLowerCase().split('.').at(-1) === short)
    .sort((a, b) => a.far - b.far)
    .slice(0, 3)
    .map(({ name }) => name);
}
