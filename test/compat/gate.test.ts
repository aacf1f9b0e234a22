import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { selfSigned } from '../support/certificates.ts';
import { type RunningCli, runCli, startProgram } from '../support/cli.ts';
import { flowerVenv } from '../support/flower-releases.ts';
import { type Nginx, startNginx } from '../support/nginx.ts';
import { freePort } from '../support/openfga.ts';
import { until } from '../support/until.ts';

const RELEASE = '1.41.0';
const TEMPLATE = resolve(import.meta.dirname, '../../templates/deploy/nginx-engine-gate.conf');
const SUPERVISOR = resolve(import.meta.dirname, '../../src/dev/supervise.ts');

/** The path gate of templates/deploy in front of a real SuperLink: what is given to SuperNodes must not open Control. */
describe(`path gate before a SuperLink ${RELEASE}`, () => {
  let folder: string;
  let venv: string;
  let nginx: Nginx;
  let ports: { link: number; gate: number; nodes: readonly number[] };
  const said: RunningCli[] = [];

  const flower = (program: string, args: readonly string[], supervised: boolean): RunningCli => {
    const bin = join(venv, 'bin');
    const home = join(folder, 'home');
    mkdirSync(home, { recursive: true });
    const env = {
      PATH: `${bin}:/usr/bin:/bin`,
      HOME: home,
      FLWR_HOME: join(home, '.flwr'),
      FLWR_TELEMETRY_ENABLED: '0',
      FLWR_DISABLE_UPDATE_CHECK: '1',
      PYTHONUNBUFFERED: '1',
      NO_COLOR: '1',
      LANG: 'C.UTF-8',
    };
    const command = join(bin, program);
    if (!supervised) return startProgram(command, args, { cwd: folder, env });
    const running = startProgram(process.execPath, [SUPERVISOR, '3000', command, ...args], {
      cwd: folder,
      env,
      leads: true,
    });
    said.push(running);
    return running;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fedctl-gate-'));
    venv = await flowerVenv(RELEASE);
    ports = { link: await freePort(), gate: await freePort(), nodes: [await freePort(), await freePort()] };
    const { cert, key } = await selfSigned();
    writeFileSync(join(folder, 'gate.pem'), cert);
    writeFileSync(join(folder, 'gate.key'), key, { mode: 0o600 });
    nginx = await startNginx(siteOf(folder, ports), ports.gate);
    const link = flower('flower-superlink', [...LINK, '--port', String(ports.link)], true);
    await until(() => answers(ports.link), 60_000);
    for (const [index, port] of ports.nodes.entries()) {
      const gate = ['--superlink', `127.0.0.1:${ports.gate}`, '--root-certificates', join(folder, 'gate.pem')];
      const own = ['--host', '127.0.0.1', '--port', String(port), '--isolation', 'subprocess'];
      const config = ['--node-config', `partition-id=${index} num-partitions=2`];
      flower('flower-supernode', [...gate, ...own, ...config], true);
    }
    await until(() => [...(link.out() + link.err()).matchAll(/Activated node_id=/g)].length >= 2, 60_000);
  }, 240_000);

  afterAll(async () => {
    await Promise.all(said.map(end));
    await nginx?.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }, 60_000);

  test('SuperNodes train through it', async () => {
    expect((await runCli(['new', 'my-app'], { cwd: folder })).code).toBe(0);
    const config = `[superlink]\ndefault = "here"\n[superlink.here]\naddress = "127.0.0.1:${ports.link}"\ninsecure = true\n`;
    mkdirSync(join(folder, 'home', '.flwr'), { recursive: true });
    writeFileSync(join(folder, 'home', '.flwr', 'config.toml'), config);
    const run = flower('flwr', ['run', join(folder, 'my-app'), 'here', '--stream', '-c', 'num-server-rounds=2'], false);
    const { code, stdout, stderr } = await run.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/round 1\/2 .*round 2\/2 .*training finished/s);
  }, 180_000);

  test('the SuperLink itself answers Control: what the gate keeps closed is there', async () => {
    expect(await post(ports.link, '/v1/control/list-runs')).toMatchObject({ status: 200 });
  });

  test.each([
    '/v1/control/list-runs',
    '/v1/control/start-run',
    '/v1/control/stop-run',
    '/v1/runtime/acquire-task',
    '/v1/fleet/../control/list-runs',
    '/v1/fleet/%2e%2e/control/list-runs',
    '/v1/fleet/..%2fcontrol/list-runs',
    '/v1/control/../fleet/get-run',
    '//v1/control/list-runs',
    '/v1//control/list-runs',
    '/V1/CONTROL/list-runs',
    '/v1/fleet/get-run/../../control/list-runs',
    '/v1/fleet/get-run?/v1/control/list-runs',
    '/v1/fleet/get-run%0a/v1/control/list-runs',
    '/v1/fleet/',
    '/openapi.json',
    '/',
  ])('%s does not pass', async (path) => {
    expect(await post(ports.gate, path, join(folder, 'gate.pem'))).toMatchObject({ status: 404, server: 'nginx' });
  });

  test('what Fleet has passes, to be judged by the SuperLink', async () => {
    const answer = await post(ports.gate, '/v1/fleet/get-run', join(folder, 'gate.pem'));
    expect(answer.body).not.toContain('nginx');
  });

  test('other methods do not pass, nor a second request smuggled in the body of one', async () => {
    const path = '/v1/fleet/get-run';
    for (const method of ['GET', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS']) {
      const { status } = await post(ports.gate, path, join(folder, 'gate.pem'), { method });
      expect({ method, passed: status < 400 }).toEqual({ method, passed: false });
    }
    const both = { 'transfer-encoding': 'chunked', 'content-length': '4' };
    const answer = await post(ports.gate, path, join(folder, 'gate.pem'), { headers: both });
    expect(answer.status).toBe(400);
  });
});

const LINK = [
  ...['--insecure', '--isolation', 'subprocess', '--database', 'state.db'],
  ...['--disable-runtime-dependency-installation', '--host', '127.0.0.1'],
];

function siteOf(folder: string, { link, gate }: { link: number; gate: number }): string {
  const template = readFileSync(TEMPLATE, 'utf8');
  const site = template
    .replace('127.0.0.1:8000;', `127.0.0.1:${link};`)
    .replace('listen 9092 ssl;', `listen 127.0.0.1:${gate} ssl;`)
    .replaceAll('/etc/fedctl/engine-gate', join(folder, 'gate'));
  expect(site.match(/ 127\.0\.0\.1:8000;| 9092 |\/etc\/fedctl/)).toBeNull();
  return site;
}

interface Answer {
  readonly status: number;
  readonly server: string;
  readonly body: string;
}

function post(
  port: number,
  path: string,
  ca?: string,
  { method = 'POST', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const send = ca === undefined ? plain : secure;
  return new Promise((done, fail) => {
    const request = send(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: { 'content-type': 'application/protobuf', 'content-length': '0', ...headers },
        ...(ca ? { ca: readFileSync(ca) } : {}),
        agent: false,
      },
      (response) => {
        let body = '';
        response.on('data', (data) => {
          body += data;
        });
        response.on('end', () =>
          done({ status: response.statusCode ?? 0, server: String(response.headers.server ?? ''), body }),
        );
      },
    );
    request.on('error', fail).on('connect', (response, socket) => {
      socket.destroy();
      done({ status: response.statusCode ?? 0, server: '', body: '' });
    });
    request.end();
  });
}

async function answers(port: number): Promise<boolean> {
  return await post(port, '/v1/control/list-runs').then(
    () => true,
    () => false,
  );
}

/** The supervisor ends the whole group that it leads. */
async function end({ child, ended }: RunningCli): Promise<void> {
  if (child.exitCode === null) child.kill('SIGTERM');
  await ended;
}
