/** Time for one answer in milliseconds: 20 s, or the seconds in FEDCTL_TIMEOUT (1 to 600). */
export function callTimeout(env: NodeJS.ProcessEnv = process.env): number {
  const seconds = Number(env.FEDCTL_TIMEOUT);
  return seconds >= 1 && seconds <= 600 ? seconds * 1000 : 20_000;
}
