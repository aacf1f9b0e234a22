/**
 * `node bench/agent.ts`, after a build: `fedctl token` with a warm login, kept in a file, sealed with its key in the agent,
 * and in the agent alone; in one run, round by round, on Linux. Prints medians of wall and processor time.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchAgent } from '../src/agent/launch.ts';
import { Secret } from '../src/core/secret.ts';
import { openKeyAgent } from '../src/credentials/agent-client.ts';
import { openCredentials } from '../src/credentials/credential-file.ts';
import type { StorageKind } from '../src/credentials/records.ts';
import { BIN } from './plane.ts';
import { median, ratios } from './stats.ts';
import { type Timed, timeProgram } from './timed.ts';

const ROUNDS = Number(process.env.BENCH_AGENT_ROUNDS ?? 25);
const ADDRESS = '127.0.0.1:9093';

const folder = mkdtempSync(join(tmpdir(), 'fedctl-bench-agent-'));
chmodSync(folder, 0o700);
const agent = await launchAgent({ env: { XDG_RUNTIME_DIR: folder }, lifetimeMs: undefined, isTied: true });

function jwt(): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ iss: 'https://i', sid: 's', iat: now, exp: now + 3600 })}.c2ln`;
}

/** A home with a login that needs nobody for an hour. */
async function makeHome(storage: StorageKind): Promise<string> {
  const home = join(folder, storage);
  mkdirSync(home, { mode: 0o700 });
  writeFileSync(join(home, 'config.toml'), `[superlink]\ndefault = "lab"\n[superlink.lab]\naddress = "${ADDRESS}"\n`);
  const known = new Map();
  const file = openCredentials({
    path: join(home, '.credentials', 'lab.json'),
    origin: ADDRESS,
    caPin: 'system',
    storage: { kind: storage, isChosen: true },
    keys: async () => ({
      agent: async () => openKeyAgent(agent.socket),
      keyring: async () => {
        throw new Error('no keyring');
      },
      passphrase: async () => new Secret('correct horse battery'),
      known,
    }),
  });
  const pair = { accessToken: new Secret(jwt()), refreshToken: new Secret('refresh') };
  await file.write({ ...pair, expiresIn: 3600, sessionId: 's', account: 'alice' });
  return home;
}

const homes = { file: await makeHome('file'), sealed: await makeHome('encrypted'), none: await makeHome('none') };

function program(name: string, home: string, agentSocket?: string, ...args: string[]) {
  const { PATH } = process.env;
  const env = { PATH, HOME: folder, FLWR_HOME: home, ...(agentSocket && { FEDCTL_AGENT_SOCK: agentSocket }) };
  return { name, command: process.execPath, args: [BIN, ...(args.length > 0 ? args : ['token'])], cwd: folder, env };
}

const PROGRAMS = [
  program('fedctl --version', homes.file, undefined, '--version'),
  program('token, in a file, no agent', homes.file),
  program('token, in a file, an agent runs', homes.file, agent.socket),
  program('token, sealed, its key in the agent', homes.sealed, agent.socket),
  program('token, in the agent', homes.none, agent.socket),
] as const;

const taken = new Map<string, Timed[]>(PROGRAMS.map(({ name }) => [name, []]));
try {
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const one of PROGRAMS) {
      const timed = await timeProgram(one);
      if (one.args.includes('token') && !timed.stdout.startsWith('ey')) throw new Error(`${one.name}: ${timed.stdout}`);
      if (round >= 0) taken.get(one.name)?.push(timed);
    }
  }
  const base = taken.get('token, in a file, no agent') ?? [];
  process.stdout.write('| | wall ms | processor ms | wall, against a file |\n|---|---|---|---|\n');
  for (const [name, all] of taken) {
    const wall = all.map(({ wallMs }) => wallMs);
    const ratio = median(
      ratios(
        wall,
        base.map(({ wallMs }) => wallMs),
      ),
    );
    const cpu = median(all.map(({ cpuMs }) => cpuMs));
    process.stdout.write(`| ${name} | ${median(wall).toFixed(0)} | ${cpu.toFixed(0)} | ${ratio.toFixed(2)} |\n`);
  }
} finally {
  agent.child.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
