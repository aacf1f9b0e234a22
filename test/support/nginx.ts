import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath } from '../../src/dev/tools/command.ts';
import { debianFile } from './debian.ts';
import { until } from './until.ts';

/**
 * The program of nginx: on PATH, else Debian's package unpacked in the per-user cache.
 * @throws where neither is there and the package can't be fetched
 */
export function findNginx(): string {
  const found = findOnPath('nginx', { PATH: `${process.env.PATH}:/usr/sbin` });
  if (found) return found;
  return debianFile('nginx', ['nginx'], 'usr/sbin/nginx');
}

/** The module for `stream { }`, which Debian ships apart. */
function streamModule(): string {
  const path = 'usr/lib/nginx/modules/ngx_stream_module.so';
  return existsSync(`/${path}`) ? `/${path}` : debianFile('nginx-stream', ['libnginx-mod-stream'], path);
}

export interface Nginx {
  errors(): string;
  stop(): Promise<void>;
}

/**
 * nginx in the foreground with `site` in its http block, everything that it writes in a folder of its own.
 * @param kind "stream": `site` stands in a stream block instead
 */
export async function startNginx(site: string, port: number, kind: 'http' | 'stream' = 'http'): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-nginx-'));
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`,
  );
  const config = [
    ...(kind === 'stream' ? [`load_module ${streamModule()};`] : []),
    'daemon off;',
    'worker_processes 1;',
    `pid ${join(folder, 'pid')};`,
    `error_log ${join(folder, 'error.log')} info;`,
    'events {}',
    `${kind} {`,
    ...(kind === 'http' ? ['access_log off;', ...paths] : []),
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

export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
