import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../../src/dev/tools/cache.ts';
import { findOnPath } from '../../src/dev/tools/command.ts';
import { until } from './until.ts';

/**
 * The program of nginx: on PATH, else Debian's package unpacked in the per-user cache.
 * @throws where neither is there and the package can't be fetched
 */
export function findNginx(): string {
  const found = findOnPath('nginx', { PATH: `${process.env.PATH}:/usr/sbin` });
  if (found) return found;
  const folder = join(cacheFolder(process.env), 'nginx');
  const program = join(folder, 'usr/sbin/nginx');
  if (existsSync(program)) return program;
  mkdirSync(cacheFolder(process.env), { recursive: true });
  const work = mkdtempSync(join(cacheFolder(process.env), 'nginx-'));
  execFileSync('apt-get', ['download', 'nginx'], { cwd: work, stdio: 'pipe' });
  const [archive = ''] = readdirSync(work).filter((name) => name.endsWith('.deb'));
  execFileSync('dpkg', ['-x', archive, 'tree'], { cwd: work });
  if (!existsSync(folder)) renameSync(join(work, 'tree'), folder);
  rmSync(work, { recursive: true });
  return program;
}

export interface Nginx {
  errors(): string;
  stop(): Promise<void>;
}

/** nginx in the foreground with `site` in its http block, everything that it writes in a folder of its own. */
export async function startNginx(site: string, port: number): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-nginx-'));
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`,
  );
  const config = [
    'daemon off;',
    'worker_processes 1;',
    `pid ${join(folder, 'pid')};`,
    `error_log ${join(folder, 'error.log')} info;`,
    'events {}',
    'http {',
    'access_log off;',
    ...paths,
    site,
    '}',
  ];
  writeFileSync(join(folder, 'nginx.conf'), config.join('\n'));
  const child = spawn(findNginx(), ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let told = '';
  child.stderr.on('data', (data) => {
    told += data;
  });
  const errors = () =>
    told + (existsSync(join(folder, 'error.log')) ? readFileSync(join(folder, 'error.log'), 'utf8') : '');
  const stop = async () => {
    await ended(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`nginx ended: ${errors()}`);
      return await accepts(port);
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { errors, stop };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
