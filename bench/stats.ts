/** What one thing took, again and again, in the order of the rounds. */
export type Series = readonly number[];

export function median(values: Series): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** First and third quartile. */
export function quartiles(values: Series): readonly [number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;
  return [at(0.25), at(0.75)];
}

/** Round by round: what else the machine did in a round weighs on both alike. */
export function ratios(values: Series, base: Series): Series {
  return values.map((value, round) => value / (base[round] ?? Number.NaN));
}
