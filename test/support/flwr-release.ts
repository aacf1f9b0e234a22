import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { StackFacts } from '../../src/dev/stack.ts';
import { type CliResult, type RunningCli, startProgram } from './cli.ts';
import { TICKER } from './people.ts';

/** An unmodified flwr of any release, as one person with a home and a copy of the ticker app (flower facts, section 0). */
export interface ReleaseUser {
  /** `host:port` that this release speaks to. */
  readonly address: string;
  login(): Promise<CliResult>;
  /** As `login`, up to the printed address; what then happens is the caller's. */
  startLogin(): Promise<{ program: RunningCli; url: string }>;
  run(config: string): Promise<CliResult>;
  ls(...args: string[]): Promise<CliResult>;
  log(id: string, ...args: string[]): RunningCli;
  stop(id: string): Promise<CliResult>;
  /** Any command, with the positionals that name app and connection put at its end where this release wants them. */
  cli(...args: string[]): Promise<CliResult>;
  tokens(): { readonly access: string; readonly refresh: string };
}

export interface ReleaseOptions {
  /** For example "1.25.0". */
  readonly release: string;
  /** Folder of its Python environment. */
  readonly venv: string;
  readonly home: string;
  readonly facts: StackFacts;
  readonly approve: (url: string) => Promise<void>;
  /** Takes up what is started here. */
  readonly said: RunningCli[];
}

const NAME = 'lab';

/** Configuration in the project's pyproject.toml up to 1.25, in config.toml from 1.26 on. */
const HOME_CONFIG_FROM = 26;
/** From here on flwr speaks HTTP. */
const HTTP_FROM = 37;
const ACCOUNT_KEY_FROM = 23;

const QUIET = {
  BROWSER: '/bin/true',
  FLWR_TELEMETRY_ENABLED: '0',
  FLWR_DISABLE_UPDATE_CHECK: '1',
  PYTHONDONTWRITEBYTECODE: '1',
  PYTHONUNBUFFERED: '1',
  NO_COLOR: '1',
  COLUMNS: '200',
  LANG: 'C.UTF-8',
};

export function openRelease(options: ReleaseOptions): ReleaseUser {
  const { release, venv, home, facts, said } = options;
  const minor = Number(release.split('.')[1]);
  const address = minor >= HTTP_FROM ? new URL(facts.https).host : facts.address;
  const app = join(home, basename(TICKER));
  cpSync(TICKER, app, { recursive: true });
  const layout =
    minor >= HOME_CONFIG_FROM ? homeLayout(home, address, facts) : projectLayout(app, address, facts, minor);
  const start = (...args: string[]): RunningCli => {
    const env = { ...QUIET, PATH: `${join(venv, 'bin')}:/usr/bin:/bin`, HOME: home, FLWR_HOME: join(home, '.flwr') };
    const program = startProgram(join(venv, 'bin', 'flwr'), args, { cwd: home, env });
    said.push(program);
    return program;
  };
  const withTarget = (command: string, ...args: string[]) => start(command, ...args, ...layout.target);
  const user: ReleaseUser = {
    address,
    async login() {
      const { program, url } = await user.startLogin();
      await options.approve(url);
      return program.ended;
    },
    async startLogin() {
      const program = withTarget('login');
      await program.until('user_code=');
      return { program, url: /https?:\/\/\S+user_code=[A-Z0-9-]+/.exec(program.out() + program.err())?.[0] ?? '' };
    },
    run: (config) => start('run', app, NAME, '-c', config).ended,
    ls: (...args) => start('ls', ...layout.target, ...args).ended,
    log: (id, ...args) => start('log', id, ...layout.target, ...args),
    stop: (id) => start('stop', id, ...layout.target).ended,
    cli: (...args) => start(...args, ...layout.target).ended,
    tokens: layout.tokens,
  };
  return user;
}

interface Layout {
  /** Positionals that name app and connection. */
  readonly target: readonly string[];
  tokens(): { readonly access: string; readonly refresh: string };
}

function projectLayout(app: string, address: string, facts: StackFacts, minor: number): Layout {
  const enable = minor >= ACCOUNT_KEY_FROM ? 'enable-account-auth' : 'enable-user-auth';
  const table = [
    `[tool.flwr.federations]`,
    `default = "${NAME}"`,
    `[tool.flwr.federations.${NAME}]`,
    `address = "${address}"`,
    `root-certificates = "${facts.ca}"`,
    `${enable} = true`,
    '',
  ];
  const file = join(app, 'pyproject.toml');
  writeFileSync(file, `${readFileSync(file, 'utf8')}\n${table.join('\n')}`);
  return {
    target: [app, NAME],
    tokens() {
      const stored = JSON.parse(readFileSync(join(app, '.flwr', '.credentials', `${NAME}.json`), 'utf8'));
      return { access: stored['flwr-oidc-access-token'], refresh: stored['flwr-oidc-refresh-token'] };
    },
  };
}

function homeLayout(home: string, address: string, facts: StackFacts): Layout {
  const folder = join(home, '.flwr');
  mkdirSync(folder, { recursive: true });
  const connection = [`address = "${address}"`, `root-certificates = "${facts.ca}"`, ''];
  const config = ['[superlink]', `default = "${NAME}"`, `[superlink.${NAME}]`, ...connection];
  writeFileSync(join(folder, 'config.toml'), config.join('\n'));
  return {
    target: [NAME],
    tokens() {
      const store = readFileSync(join(folder, 'credentials.yaml'), 'utf8');
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
