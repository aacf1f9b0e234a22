/** RFC 3339 in UTC with milliseconds; "" where not reached. */
export function rfc3339(ms: number | undefined): string {
  return ms === undefined ? '' : new Date(ms).toISOString();
}

/** As Flower writes times, six digits and `+00:00`: every release's Python reads this (flower facts, section 6). */
export function flowerTime(ms: number | undefined): string {
  return ms === undefined ? '' : new Date(ms).toISOString().replace('Z', '000+00:00');
}
