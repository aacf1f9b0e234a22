import type { GrantName } from '../../credentials/login-settings.ts';

/** What decides how to log in where nobody has said it. */
export interface Circumstances {
  /** An id token of a CI job is to be found. */
  readonly hasIdToken: boolean;
  readonly stdinIsTty: boolean;
  /** A browser on this machine can't be seen, or must not be opened. */
  readonly headless: boolean;
  /** Grants of the provider that is meant; undefined where the server doesn't say. Asked for only where it matters. */
  readonly offered: () => Promise<readonly string[] | undefined>;
}

/** The way to log in for `--grant auto`. */
export async function chooseGrant({
  hasIdToken,
  stdinIsTty,
  headless,
  offered,
}: Circumstances): Promise<Extract<GrantName, 'ci' | 'device_code' | 'code'>> {
  if (hasIdToken && !stdinIsTty) return 'ci';
  // Any browser on any device will do, and every server has it.
  if (headless) return 'device_code';
  return (await offered())?.includes('code') ? 'code' : 'device_code';
}
