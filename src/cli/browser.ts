import { existsSync } from 'node:fs';

/** What decides whether a browser can be seen by whoever typed the command. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  readonly stdinIsTty: boolean;
  readonly inContainer: boolean;
}

export function surroundings(): Surroundings {
  return {
    env: process.env,
    platform: process.platform,
    stdinIsTty: process.stdin.isTTY === true,
    inContainer: existsSync('/.dockerenv') || existsSync('/run/.containerenv'),
  };
}

/** True where opening a browser would show it to nobody: remote shells, CI, containers, Linux without a display, no terminal. */
export function isHeadless({ env, platform, stdinIsTty, inContainer }: Surroundings): boolean {
  if (env.BROWSER) return false;
  if (env.SSH_CONNECTION || env.SSH_TTY || env.CI || inContainer || !stdinIsTty) return true;
  const hasDisplay = Boolean(env.DISPLAY || env.WAYLAND_DISPLAY || env.WSL_DISTRO_NAME);
  return platform === 'linux' && !hasDisplay;
}

/** Opens a web address, without a shell. False where it can't be opened; never throws: the address has been printed. */
export async function openBrowser(address: string): Promise<boolean> {
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(address)) return false;
  try {
    const { default: open } = await import('open');
    const child = await open(address);
    return await new Promise((resolve) => {
      child.once('error', () => resolve(false));
      child.once('spawn', () => resolve(true));
      if (child.pid !== undefined) resolve(true);
      child.unref();
    });
  } catch {
    return false;
  }
}
