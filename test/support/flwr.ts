import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CliResult, type RunningCli, startProgram } from './cli.ts';
import { FLOWER_VENV } from './flower-cli.ts';

/** The unmodified flwr of the pinned release, as one person with a FLWR_HOME of their own. */
export interface FlwrUser {
  /** Runs `flwr ...` to its end. */
  cli(...args: string[]): Promise<CliResult>;
  start(...args: string[]): RunningCli;
  /** `flwr login`, approved over the pages of the identity provider. */
  login(): Promise<CliResult>;
  /** What flwr has stored for the connection (flower facts, section 3). */
  tokens(): { readonly access: string; readonly refresh: string };
}

export interface FlwrOptions {
  /** FLWR_HOME; its config.toml names the connection. */
  readonly home: string;
  /** `host:port`, as config.toml has it: part of the keys of flwr's credential store. */
  readonly address: string;
  readonly approve: (url: string) => Promise<void>;
  /** Takes up what is started here. */
  readonly said: RunningCli[];
}

/** No browser, no telemetry, no update check, no colours, and a line that holds an address. */
const QUIET = {
  BROWSER: '/bin/true',
  FLWR_TELEMETRY_ENABLED: '0',
  FLWR_DISABLE_UPDATE_CHECK: '1',
  PYTHONDONTWRITEBYTECODE: '1',
  PYTHONUNBUFFERED: '1',
  NO_COLOR: '1',
  COLUMNS: '200',
};

export function openFlwr({ home, address, approve, said }: FlwrOptions): FlwrUser {
  const start = (...args: string[]): RunningCli => {
    const bin = join(FLOWER_VENV, 'bin');
    const env = { ...QUIET, PATH: `${bin}:${process.env.PATH ?? ''}`, HOME: home, FLWR_HOME: home, LANG: 'C.UTF-8' };
    const program = startProgram(join(bin, 'flwr'), args, { cwd: home, env });
    said.push(program);
    return program;
  };
  return {
    start,
    cli: (...args) => start(...args).ended,
    async login() {
      const program = start('login');
      await program.until('user_code=');
      const url = /https?:\/\/\S+user_code=[A-Z0-9-]+/.exec(program.out() + program.err())?.[0];
      await approve(url ?? '');
      return program.ended;
    },
    tokens() {
      const store = readFileSync(join(home, 'credentials.yaml'), 'utf8');
      const value = (kind: string): string => {
        const line = store.split('\n').find((one) => one.includes(`${address}.${kind}`));
        // YAML breaks no base64, but quotes it where it likes to.
        const encoded = /:\s*['"]?([A-Za-z0-9+/=]+)['"]?\s*$/.exec(line ?? '')?.[1] ?? '';
        return Buffer.from(encoded, 'base64').toString('utf8');
      };
      return { access: value('oidc-access-token'), refresh: value('oidc-refresh-token') };
    },
  };
}
