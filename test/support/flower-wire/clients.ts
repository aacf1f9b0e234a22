import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type CliResult, startProgram } from '../cli.ts';
import { FINISHED_RUN, RUNNING_RUN } from './fixed-answers.ts';

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'fedctl', 'flower');
const NODE = '18446744073709551615';
const FEDERATION = '@lab/default';

const PROJECT = `[project]
name = "tiny"
version = "1.0.0"
description = "Does nothing"
license = "Apache-2.0"
dependencies = []

[tool.flwr.app]
publisher = "lab"

[tool.flwr.app.components]
serverapp = "tiny.app:app"
clientapp = "tiny.app:app"

[tool.flwr.app.config]
rounds = 3
`;

/** An unmodified flwr of one release, in a folder with the smallest app that there is. */
export interface FlwrClient {
  readonly release: string;
  readonly minor: number;
  /** Commands that this release has and the server serves, each with all of its arguments. */
  readonly commands: readonly (readonly string[])[];
  run(args: readonly string[]): Promise<CliResult>;
}

export interface FlwrClientOptions {
  readonly release: string;
  readonly folder: string;
  readonly port: number;
  /** Paths of the CA's certificate and of an OpenSSH public key. */
  readonly ca: string;
  readonly publicKey: string;
}

export function openFlwrClient({ release, folder, port, ca, publicKey }: FlwrClientOptions): FlwrClient {
  const minor = Number(release.split('.')[1]);
  const app = join(folder, 'Tiny');
  mkdirSync(join(app, 'tiny'), { recursive: true });
  writeFileSync(join(app, 'tiny', '__init__.py'), '');
  writeFileSync(join(app, 'tiny', 'app.py'), 'app = None\n');
  const connection = `address = "localhost:${port}"\nroot-certificates = "${ca}"\n`;
  const inProject = minor < 26;
  const auth = minor < 23 ? 'enable-user-auth' : 'enable-account-auth';
  const old = `\n[tool.flwr.federations]\ndefault = "lab"\n[tool.flwr.federations.lab]\n${connection}${auth} = true\noptions.num-supernodes = 2\noptions.backend.client-resources.num-cpus = 1\n`;
  writeFileSync(join(app, 'pyproject.toml'), PROJECT + (inProject ? old : ''));
  if (!inProject)
    writeFileSync(join(folder, 'config.toml'), `[superlink]\ndefault = "lab"\n[superlink.lab]\n${connection}`);
  const bin = join(CACHE, release, 'bin');
  const env = {
    PATH: `${bin}:${process.env.PATH ?? ''}`,
    HOME: folder,
    FLWR_HOME: folder,
    LANG: 'C.UTF-8',
    BROWSER: '/bin/true',
    FLWR_TELEMETRY_ENABLED: '0',
    FLWR_DISABLE_UPDATE_CHECK: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    NO_COLOR: '1',
    COLUMNS: '160',
  };
  return {
    release,
    minor,
    commands: commandsOf(minor, publicKey),
    run: (args) => startProgram(join(bin, 'flwr'), args, { cwd: app, env }).ended,
  };
}

/** `[first minor, arguments]`; `APP` stands where releases before 1.26 want the folder. */
function commandsOf(minor: number, publicKey: string): readonly (readonly string[])[] {
  const app = minor < 26 ? ['.'] : [];
  const run = String(FINISHED_RUN);
  const all: readonly (readonly [from: number, args: readonly string[], to?: number])[] = [
    [18, ['login', ...app]],
    [18, ['run', '.', '--run-config', 'rounds=5 rate=0.5 name="x" deep=true']],
    [28, ['run', '.', '--federation-config', 'num-supernodes=3 client-resources-num-gpus=0.5 verbose=true']],
    [18, ['ls', ...app]],
    [18, ['ls', ...app, '--run-id', run]],
    [27, ['ls', '--limit', '7']],
    [18, ['log', run, ...app]],
    [18, ['stop', String(RUNNING_RUN), ...app]],
    [22, ['pull', '--run-id', run, ...app], 25],
    [26, ['pull', run]],
    [23, ['supernode', 'list', ...app]],
    [23, ['supernode', 'register', publicKey, ...app]],
    [23, ['supernode', 'unregister', NODE, ...app]],
    [24, ['federation', 'list', ...app]],
    [24, ['federation', 'show', ...app], 25],
    [26, ['federation', 'list', '--federation', FEDERATION]],
    [27, ['federation', 'create', 'hearts', '--description', 'Five sites']],
    [27, ['federation', 'archive', FEDERATION]],
    [27, ['federation', 'add-supernode', NODE, FEDERATION]],
    [27, ['federation', 'remove-supernode', NODE, FEDERATION]],
    [28, ['federation', 'remove-account', FEDERATION, 'bob']],
    [28, ['federation', 'remove-account', FEDERATION]],
    [28, ['federation', 'simulation-config', '@lab/tests', '--num-supernodes', '4']],
    [27, ['federation', 'invite', 'create', 'bob', FEDERATION]],
    [27, ['federation', 'invite', 'list']],
    [27, ['federation', 'invite', 'accept', FEDERATION]],
    [27, ['federation', 'invite', 'reject', FEDERATION]],
    [27, ['federation', 'invite', 'revoke', 'bob', FEDERATION]],
  ];
  return all.filter(([from, , to = 99]) => from <= minor && minor <= to).map(([, args]) => args);
}
