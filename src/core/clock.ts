/** Time as one of the program's four edges (clock, stdio, browser, network); tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. For what is stored or shown. */
  now(): number;
  /** Milliseconds on a clock that never jumps. For waiting, leases and timeouts. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
