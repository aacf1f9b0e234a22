import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { approveLogin } from '../src/dev/approve.ts';
import type { StackFacts } from '../src/dev/stack.ts';
import { BIN } from './plane.ts';

const CONNECTION = 'lab';

/** Somebody before one control plane, with a FLWR_HOME of their own. */
export interface User {
  readonly home: string;
  /** All of the environment of their programs. */
  readonly env: NodeJS.ProcessEnv;
  /** `authorization` header with the access token that fedctl has stored. */
  headers(): Readonly<Record<string, string>>;
}

export interface UserOptions {
  readonly name: string;
  readonly folder: string;
  /** Control plane, `host:port`. */
  readonly address: string;
  readonly facts: StackFacts;
  /** Folder with the unmodified `flwr`. */
  readonly flowerBin: string;
}

/** Logs in with fedctl, over the pages of the identity provider. */
export async function logIn(options: UserOptions): Promise<User> {
  const home = join(options.folder, `${options.name}-${options.address.split(':')[1]}`);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const connection = [`address = "${options.address}"`, `root-certificates = "${options.facts.ca}"`];
  const config = ['[superlink]', `default = "${CONNECTION}"`, `[superlink.${CONNECTION}]`, ...connection, ''];
  writeFileSync(join(home, 'config.toml'), config.join('\n'), { mode: 0o600 });
  const env = {
    PATH: `${options.flowerBin}:${process.env.PATH ?? ''}`,
    HOME: home,
    FLWR_HOME: home,
    LANG: 'C.UTF-8',
    NO_COLOR: '1',
    COLUMNS: '200',
    BROWSER: '/bin/true',
    FLWR_TELEMETRY_ENABLED: '0',
    FLWR_DISABLE_UPDATE_CHECK: '1',
  };
  const user = {
    home,
    env,
    headers() {
      const stored = JSON.parse(readFileSync(join(home, '.credentials', `${CONNECTION}.json`), 'utf8'));
      return { authorization: `Bearer ${stored['flwr-oidc-access-token']}` };
    },
  };
  await approved(options, user, process.execPath, [BIN, 'login', '--no-launch-browser']);
  return user;
}

/** The same with the unmodified flwr; both logins stand side by side. */
export async function logInWithFlwr(options: UserOptions, user: User): Promise<void> {
  await approved(options, user, join(options.flowerBin, 'flwr'), ['login']);
}

/** Runs a login program and approves at the address that it prints. */
function approved({ facts, name }: UserOptions, user: User, program: string, args: readonly string[]): Promise<void> {
  const account = facts.accounts.find((one) => one.name === name);
  if (account === undefined) throw new Error(`the stack has no account ${name}`);
  const child = spawn(program, args, { cwd: user.home, env: user.env, stdio: ['ignore', 'pipe', 'pipe'] });
  return new Promise((resolve, reject) => {
    let said = '';
    let isApproving = false;
    const listen = (data: Buffer): void => {
      said += data;
      const url = /https?:\/\/\S+user_code=[A-Z0-9-]+/.exec(said)?.[0];
      if (url === undefined || isApproving) return;
      isApproving = true;
      approveLogin({ url, account }).catch(reject);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${program} login failed: ${said}`))));
  });
}
