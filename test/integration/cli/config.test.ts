import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { selfSigned } from '../../support/certificates.ts';
import { runCli, startProgram } from '../../support/cli.ts';
import { startControlFake } from '../../support/control-fake.ts';
import { flowerVenv } from '../../support/flower-releases.ts';

let folder: string;
let home: string;
let project: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fedctl-config-'));
  home = join(folder, 'flwr-home');
  project = join(folder, 'app');
  mkdirSync(project);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = () => join(home, 'config.toml');
const text = () => readFileSync(file(), 'utf8');
const fedctl = (...args: string[]) => runCli(args, { cwd: project, env: { HOME: folder, FLWR_HOME: home } });

async function json<T>(...args: string[]): Promise<T> {
  const { stdout } = await fedctl(...args, '--json');
  return JSON.parse(stdout) as T;
}

interface Listed {
  readonly default: string | null;
  readonly connections: {
    name: string;
    source: string;
    shadowed: boolean;
    tls: string | null;
    account: string | null;
  }[];
}

function write(content: string): void {
  mkdirSync(home, { recursive: true });
  writeFileSync(file(), content);
}

describe('config', () => {
  test('add, ls, use, remove: the file says what was asked for, and no lock or temporary is left', async () => {
    expect(await fedctl('config', 'ls')).toMatchObject({ code: 0, stdout: expect.stringContaining('config add') });
    expect(await fedctl('config', 'add', 'lab', '--address', 'lab.example.org:9093')).toMatchObject({
      code: 0,
      stdout: 'Added "lab" to ~/flwr-home/config.toml, as the default.\n',
    });
    expect(statSync(file()).mode & 0o777).toBe(0o644 & ~process.umask());
    const args = ['--address', '[::1]:9093', '--insecure', '--federation', '@a/b'];
    expect((await fedctl('config', 'add', 'near.by', ...args)).code).toBe(0);
    expect(text()).toBe(
      '[superlink]\ndefault = "lab"\n\n[superlink.lab]\naddress = "lab.example.org:9093"\n\n[superlink."near.by"]\naddress = "[::1]:9093"\ninsecure = true\nfederation = "@a/b"\n',
    );
    expect(await json<Listed>('config', 'ls')).toMatchObject({
      success: true,
      default: 'lab',
      connections: [
        { name: 'lab', address: 'lab.example.org:9093', tls: 'system', default: true, login: 'none', file: file() },
        { name: 'near.by', address: '[::1]:9093', tls: 'none', default: false, federation: '@a/b' },
      ],
    });
    expect(await fedctl('config', 'remove', 'lab')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('config use near.by'),
    });
    expect((await fedctl('config', 'use', 'near.by')).code).toBe(0);
    expect((await fedctl('config', 'remove', 'lab')).code).toBe(0);
    expect((await fedctl('config', 'remove', 'near.by')).code).toBe(0);
    expect(await json('config', 'ls')).toEqual({ success: true, default: null, connections: [] });
    expect(readdirSync(home)).toEqual(['config.toml']);
  });

  test('what a person typed wrong is told before the file is touched', async () => {
    write('[superlink.lab]\naddress = "lab:1"\n');
    const address = ['--address', 'host:9093'];
    const wrong: [string[], number, string][] = [
      [['add', 'lab', ...address], 1, 'already'],
      [['add', 'LAB', ...address], 1, 'differ in case'],
      [['add', 'a/b', ...address], 1, "can't name a connection"],
      [['add', 'default', ...address], 1, "can't name a connection"],
      [['add', 'x', '--address', 'https://host:1'], 2, 'without a scheme'],
      [['add', 'x', '--address', 'host'], 2, 'host:port'],
      [['add', 'x', ...address, '--federation', 'a/b'], 2, '@owner/name'],
      [['add', 'x', ...address, '--root-certificates', 'ca.pem'], 1, "doesn't exist"],
      [['add', 'x', ...address, '--root-certificates', 'ca.pem', '--insecure'], 2, 'root-certificates'],
      [['add', 'x'], 2, 'address'],
      [['use', 'lob'], 5, 'Did you mean lab?'],
      [['remove', 'x'], 5, 'no connection'],
    ];
    for (const [args, code, said] of wrong) {
      expect(await fedctl('config', ...args)).toMatchObject({
        code,
        stdout: '',
        stderr: expect.stringContaining(said),
      });
    }
    expect(text()).toBe('[superlink.lab]\naddress = "lab:1"\n');
  });

  test('JSON names the file by its whole path', async () => {
    expect(await json('config', 'add', 'a', '--address', 'h:1')).toMatchObject({ default: true, file: file() });
    expect(await json('config', 'use', 'a')).toMatchObject({ before: 'a', file: file() });
    expect(await json('config', 'remove', 'a')).toMatchObject({ 'was-default': true, file: file() });
  });

  test('a file that does not parse, or is not UTF-8, is never touched', async () => {
    for (const bytes of [Buffer.from('[superlink\n'), Buffer.from([0x61, 0x3d, 0x22, 0xff, 0x22])]) {
      write('');
      writeFileSync(file(), bytes);
      for (const args of [
        ['add', 'x', '--address', 'h:1'],
        ['use', 'x'],
        ['remove', 'x'],
      ]) {
        expect(await fedctl('config', ...args)).toMatchObject({ code: 1, stderr: expect.stringContaining(file()) });
      }
      expect(readFileSync(file())).toEqual(bytes);
    }
  });

  test('the mode is kept, a symbolic link stays one, CRLF, comments and a byte order mark too', async () => {
    const dotfiles = join(folder, 'dotfiles');
    mkdirSync(dotfiles);
    mkdirSync(home);
    const real = join(dotfiles, 'flwr.toml');
    const before =
      '\ufeff# mine\r\n[superlink]\r\ndefault = "a" # why\r\n[superlink.a]\r\naddress = "a:1"\r\n[superlink.b]\r\naddress = "b:1"\r\n';
    writeFileSync(real, before, { mode: 0o600 });
    symlinkSync(real, file());
    expect((await fedctl('config', 'use', 'b')).code).toBe(0);
    expect(readFileSync(real, 'utf8')).toBe(before.replace('"a" #', '"b" #'));
    expect(statSync(real).mode & 0o777).toBe(0o600);
    expect(readdirSync(home)).toEqual(['config.toml']);
    expect(readdirSync(dotfiles)).toEqual(['flwr.toml']);
  });

  test('ten at once: no change is lost', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `c${index}`);
    const results = await Promise.all(names.map((name) => fedctl('config', 'add', name, '--address', 'h:1')));
    expect(results.map(({ code }) => code)).toEqual(names.map(() => 0));
    const { connections } = await json<Listed>('config', 'ls');
    expect(connections.map(({ name }) => name).sort()).toEqual(names);
  }, 60_000);

  test('pyproject.toml goes first, is shown so, and is never written: the line to change is told', async () => {
    const pyproject = join(project, 'pyproject.toml');
    const content =
      '[project]\nname = "x"\n\n[tool.flwr.federations]\ndefault = "prod"\n[tool.flwr.federations.prod]\naddress = "p:1"\n[tool.flwr.federations.lab]\naddress = "q:1"\n';
    writeFileSync(pyproject, content);
    write('[superlink]\ndefault = "lab"\n[superlink.lab]\naddress = "lab:1"\n');
    const { default: chosen, connections } = await json<Listed>('config', 'ls');
    expect(chosen).toBe('prod');
    expect(connections.map(({ name, source, shadowed }) => [name, source, shadowed])).toEqual([
      ['prod', 'pyproject', false],
      ['lab', 'pyproject', false],
      ['lab', 'config', true],
    ]);
    expect((await fedctl('config', 'ls')).stdout).toContain('is shadowed by the one in pyproject.toml');
    expect(await fedctl('config', 'use', 'prod')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('line 5 of pyproject.toml'),
    });
    expect(await fedctl('config', 'remove', 'prod')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('line 6'),
    });
    expect(await fedctl('config', 'use', 'lab')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('goes first'),
    });
    expect(readFileSync(pyproject, 'utf8')).toBe(content);
  });

  test('ls tells who is logged in; remove does not delete a login silently', async () => {
    const tls = await selfSigned();
    const fake = await startControlFake({ tls });
    try {
      writeFileSync(join(project, 'ca.pem'), tls.cert);
      await fedctl('config', 'add', 'lab', '--address', fake.address, '--root-certificates', 'ca.pem');
      expect(text()).toContain(`root-certificates = "${join(project, 'ca.pem')}"`);
      expect((await fedctl('login')).code).toBe(0);
      expect((await json<Listed>('config', 'ls')).connections).toMatchObject([
        { name: 'lab', tls: 'file', login: 'stored', account: 'alice', problem: null },
      ]);
      expect(await fedctl('config', 'remove', 'lab')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('fedctl logout lab'),
      });
      expect(text()).toContain('[superlink.lab]');
      const login = join(home, '.credentials/lab.json');
      expect(await json('config', 'remove', 'lab', '--force')).toMatchObject({ success: true, 'kept-login': login });
      expect(statSync(login).isFile()).toBe(true);
    } finally {
      await fake.kill();
    }
  });

  test.each(['1.26.1', '1.41.0'])(
    'flwr %s reads what fedctl wrote, and fedctl what flwr wrote',
    async (release) => {
      const flwr = async (...args: string[]) => {
        const env = {
          PATH: process.env.PATH,
          HOME: folder,
          FLWR_HOME: home,
          FLWR_TELEMETRY_ENABLED: '0',
          FLWR_DISABLE_UPDATE_CHECK: '1',
          PYTHONDONTWRITEBYTECODE: '1',
        };
        const program = join(await flowerVenv(release), 'bin/flwr');
        const { stdout } = await startProgram(program, [...args, '--format', 'json'], { cwd: folder, env }).ended;
        return JSON.parse(stdout.slice(stdout.indexOf('{'))) as { superlink: string[]; default: string };
      };
      // A first start makes the file with flwr's own connections.
      const own = await flwr('config', 'list');
      const made = text();
      expect((await json<Listed>('config', 'ls')).connections.map(({ name }) => name)).toEqual(own.superlink);
      await fedctl('config', 'add', 'lab', '--address', 'lab.example.org:9093', '--default');
      await fedctl('config', 'add', 'plain', '--address', '127.0.0.1:9093', '--insecure');
      const read = await flwr('config', 'list');
      expect(read.superlink.sort()).toEqual([...own.superlink, 'lab', 'plain'].sort());
      expect(read.default).toBe('lab');
      await fedctl('config', 'use', own.default);
      for (const name of ['lab', 'plain']) await fedctl('config', 'remove', name);
      expect(text()).toBe(made);
    },
    120_000,
  );
});
