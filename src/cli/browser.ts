import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { foreignEnvironment } from '../core/child-env.ts';

/** What decides whether a browser can be seen by whoever typed the command. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  readonly stdinIsTty: boolean;
  readonly inContainer: boolean;
}

export function surroundings(env: NodeJS.ProcessEnv = process.env): Surroundings {
  return {
    env,
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

/** True in the Windows Subsystem for Linux, where the browser runs on the other side. */
export function isWsl({ env, platform }: Pick<Surroundings, 'env' | 'platform'>): boolean {
  return platform === 'linux' && Boolean(env.WSL_DISTRO_NAME);
}

/** How a browser reaches a listener of ours: Windows forwards only the name "localhost" into WSL. */
export function loopbackHost(around: Pick<Surroundings, 'env' | 'platform'>): '127.0.0.1' | 'localhost' {
  return isWsl(around) ? 'localhost' : '127.0.0.1';
}

/** A program that may open a web address, without a shell. */
export interface Launcher {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Programs to try, in this order. Our own variables stay here: a browser is no place for a token. */
export function launchersFor(address: string, around: Pick<Surroundings, 'env' | 'platform'>): readonly Launcher[] {
  const env = foreignEnvironment(around.env);
  const plain = (command: string) => ({ command, args: [address], env });
  // The one that a remote editor or a person has named, where it is a program and no pattern.
  const named = /^[^\s%:]+$/.test(env.BROWSER ?? '') ? [plain(env.BROWSER ?? '')] : [];
  if (around.platform === 'darwin') return [...named, plain('open')];
  if (!isWsl(around)) return [...named, plain('xdg-open'), plain('sensible-browser'), plain('x-www-browser')];
  // The address travels in the environment, so that PowerShell never reads it as a command.
  const shared = [env.WSLENV, 'LOGIN_ADDRESS'].filter(Boolean).join(':');
  const powershell = {
    command: 'powershell.exe',
    args: ['-NoProfile', '-NonInteractive', '-Command', 'Start-Process -FilePath $env:LOGIN_ADDRESS'],
    env: { ...env, LOGIN_ADDRESS: address, WSLENV: shared },
  };
  return [...named, plain('wslview'), powershell];
}

/** Opens a web address. False where it can't be opened; never throws: the address has been printed. */
export async function openBrowser(address: string, around: Surroundings = surroundings()): Promise<boolean> {
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(address)) return false;
  for (const launcher of launchersFor(address, around)) if (await launch(launcher)) return true;
  return false;
}

/** A launcher that fails does so at once; a browser that it has become goes on. */
const FAILS_WITHIN_MS = 1_500;

async function launch({ command, args, env }: Launcher): Promise<boolean> {
  return await new Promise((resolve) => {
    const child = spawn(command, args, { env, stdio: 'ignore', detached: true });
    const timer = setTimeout(() => resolve(true), FAILS_WITHIN_MS);
    const end = (opened: boolean) => {
      clearTimeout(timer);
      resolve(opened);
    };
    child.once('error', () => end(false));
    child.once('exit', (code) => end(code === 0));
    child.unref();
  });
}
