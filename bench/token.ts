/** `node bench/token.ts`: processor time of `fedctl token` with a login in its file, against a bare oclif command and node itself. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Secret } from '../src/core/secret.ts';
import { openCredentials } from '../src/credentials/credential-file.ts';
import { caPin } from '../src/credentials/records.ts';
import { BIN } from './plane.ts';
import { quartiles } from './stats.ts';
import { type Program, timeProgram } from './timed.ts';

const ROUNDS = Number(process.env.BENCH_TOKEN_ROUNDS ?? 25);
const ADDRESS = 'lab.example.org:9093';

/** A command that does nothing, on the bundled oclif with a manifest and the compile cache: the least that any command of ours could take. */
function writeBareCommand(folder: string): string {
  const commands = join(folder, 'dist/commands');
  mkdirSync(commands, { recursive: true });
  symlinkSync(join(dirname(BIN), 'vendor'), join(folder, 'dist/vendor'));
  const oclif = { bin: 'bare', dirname: 'bare', commands: './dist/commands' };
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'bare', version: '1.0.0', type: 'module', oclif }),
  );
  writeFileSync(
    join(commands, 'hello.js'),
    `import { command_Command as Command } from '../vendor/oclif.js';
export default class Hello extends Command {
  async run() {
    await this.parse(Hello);
    process.stdout.write('hello\\n');
  }
}`,
  );
  const hello = {
    id: 'hello',
    args: {},
    flags: {},
    aliases: [],
    hiddenAliases: [],
    pluginName: 'bare',
    pluginType: 'core',
    pluginAlias: 'bare',
    strict: true,
    isESM: true,
    relativePath: ['dist', 'commands', 'hello.js'],
  };
  writeFileSync(join(folder, '.oclif.manifest.json'), JSON.stringify({ commands: { hello }, version: '1.0.0' }));
  const bin = join(folder, 'dist/bin.js');
  writeFileSync(
    bin,
    `import { enableCompileCache } from 'node:module';
enableCompileCache();
const { run_run: run } = await import('./vendor/oclif.js');
await run(process.argv.slice(2), import.meta.url);`,
  );
  return bin;
}

/** A project with a connection, and a login that is good for an hour. */
async function writeProject(folder: string): Promise<void> {
  const lab = `[tool.flwr.federations.lab]\naddress = "${ADDRESS}"\n`;
  writeFileSync(join(folder, 'pyproject.toml'), `[project]\nname = "tiny"\nversion = "1.0.0"\n${lab}`);
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: 'https://lab.example.org', sid: 's1', sub: 'a', iat: now, exp: now + 3600 };
  await openCredentials({
    path: join(folder, '.flwr/.credentials/lab.json'),
    origin: ADDRESS,
    caPin: caPin(undefined),
  }).write({
    accessToken: new Secret(`${part({ alg: 'ES256', typ: 'at+jwt' })}.${part(claims)}.${'s'.repeat(86)}`),
    refreshToken: new Secret('r'.repeat(43)),
    expiresIn: 3600,
    sessionId: 's1',
    account: 'alice',
  });
}

async function measure(programs: readonly Program[]): Promise<Map<string, number[]>> {
  const taken = new Map<string, number[]>(programs.map(({ name }) => [name, []]));
  for (let round = -2; round < ROUNDS; round += 1) {
    for (const program of programs) {
      const { cpuMs } = await timeProgram(program);
      // The first rounds warm the disk and the compile cache.
      if (round >= 0) taken.get(program.name)?.push(cpuMs);
    }
  }
  return taken;
}

const folder = mkdtempSync(join(tmpdir(), 'fedctl-bench-token-'));
try {
  await writeProject(folder);
  const bare = writeBareCommand(join(folder, 'bare'));
  const env = { PATH: process.env.PATH, HOME: folder, LANG: 'C.UTF-8', NODE_COMPILE_CACHE: join(folder, 'cache') };
  const node = (name: string, ...args: string[]) => ({ name, command: process.execPath, args, cwd: folder, env });
  const taken = await measure([
    node('node -e 0', '-e', '0'),
    node('bare oclif command', bare, 'hello'),
    node('fedctl token', BIN, 'token'),
  ]);
  const least = (name: string) => Math.min(...(taken.get(name) ?? []));
  for (const [name, times] of taken) {
    const [low, high] = quartiles(times);
    process.stdout.write(
      `${name.padEnd(20)} least ${least(name).toFixed(0)} ms, quartiles ${low.toFixed(0)} to ${high.toFixed(0)} ms\n`,
    );
  }
  const ratio = least('fedctl token') / least('bare oclif command');
  process.stdout.write(`fedctl token takes ${ratio.toFixed(2)} of a bare oclif command (at most 1.30 is the aim)\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
