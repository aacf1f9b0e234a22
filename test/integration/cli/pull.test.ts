import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { selfSigned } from '../../support/certificates.ts';
import { type CliProject, makeProject } from '../../support/cli.ts';
import { type ControlFake, fakeRun, startControlFake } from '../../support/control-fake.ts';

const has = (text: string) => expect.stringContaining(text);
const CONTENT = randomBytes(300_000);
const RUN = '12345678901234567890';

let fake: ControlFake;
let project: CliProject;
let files: Server;
let origin: string;
/** What the file server does with a request. */
let answer: (response: ServerResponse, path: string) => void;
let asked: string[];

async function serveFiles(pair: { cert: string; key: string }): Promise<Server> {
  const server = createServer(pair, (request, response) => {
    asked.push(request.url ?? '');
    answer(response, request.url ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

beforeEach(async () => {
  const tls = await selfSigned();
  asked = [];
  answer = (response) => response.writeHead(200, { 'content-length': CONTENT.length }).end(CONTENT);
  files = await serveFiles(tls);
  origin = `https://localhost:${portOf(files)}`;
  fake = await startControlFake({ tls });
  fake.state.runs = [fakeRun({ runId: BigInt(RUN), status: 'finished:completed' })];
  fake.state.artifactsUrl = `${origin}/v1/artifacts/s3cret`;
  project = await makeProject({ address: fake.address, ca: tls.cert });
  expect((await project.cli('login')).code).toBe(0);
});

afterEach(async () => {
  files.closeAllConnections();
  files.close();
  await fake.kill();
  await project.remove();
});

const left = () => readdirSync(project.dir).filter((name) => !['.flwr', 'ca.pem', 'pyproject.toml'].includes(name));

describe('pull', () => {
  test('prints the URL, and how long it is good for', async () => {
    expect(await project.cli('pull', 'latest')).toMatchObject({
      code: 0,
      stdout: `${origin}/v1/artifacts/s3cret\n`,
      stderr: has('Good for 5 minutes'),
    });
    const { stdout } = await project.cli('pull', RUN, '--json');
    expect(JSON.parse(stdout)).toEqual({
      success: true,
      'run-id': RUN,
      url: `${origin}/v1/artifacts/s3cret`,
      'expires-in': 300,
    });
    expect(asked).toEqual([]);
  });

  test('--output: into a folder under the name of the run, or into a file; never over another', async () => {
    expect(await project.cli('pull', RUN, '--output', '.')).toMatchObject({ code: 0, stdout: has('SHA-256 ') });
    expect(readFileSync(join(project.dir, `run-${RUN}.zip`))).toEqual(CONTENT);
    expect(statSync(join(project.dir, `run-${RUN}.zip`)).mode & 0o777).toBe(0o666 & ~process.umask());
    const pulled = await project.cli('pull', RUN, '-o', 'files.zip', '--json');
    expect(pulled).toMatchObject({ code: 0, stderr: '' });
    const path = join(project.dir, 'files.zip');
    const sha256 = createHash('sha256').update(CONTENT).digest('hex');
    expect(JSON.parse(pulled.stdout)).toEqual({ success: true, 'run-id': RUN, path, size: CONTENT.length, sha256 });
    writeFileSync(path, 'mine');
    expect(await project.cli('pull', RUN, '-o', 'files.zip')).toMatchObject({ code: 1, stderr: has('--force') });
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect((await project.cli('pull', RUN, '-o', 'files.zip', '--force')).code).toBe(0);
    expect(readFileSync(path)).toEqual(CONTENT);
    expect(left().sort()).toEqual(['files.zip', `run-${RUN}.zip`]);
    expect(await project.cli('pull', RUN, '-o', 'no/such/x.zip')).toMatchObject({ code: 1, stderr: has('ENOENT') });
  });

  test('T-16: another certificate, plain http and a redirect elsewhere are refused; nothing is left', async () => {
    const other = await serveFiles(await selfSigned());
    try {
      fake.state.artifactsUrl = `https://localhost:${portOf(other)}/x`;
      const stranger = await project.cli('pull', RUN, '-o', 'a.zip');
      expect(stranger).toMatchObject({ code: 6, stderr: has('SELF_SIGNED') });
      fake.state.artifactsUrl = 'http://localhost:1/x';
      expect(await project.cli('pull', RUN, '-o', 'a.zip')).toMatchObject({ code: 1, stderr: has('no https') });
      fake.state.artifactsUrl = `${origin}/x`;
      answer = (response) => response.writeHead(302, { location: `https://localhost:${portOf(other)}/x` }).end();
      expect(await project.cli('pull', RUN, '-o', 'a.zip')).toMatchObject({ code: 1, stderr: has('not followed') });
      expect(asked).toEqual(['/x']);
      answer = (response, path) =>
        path === '/x' ? response.writeHead(307, { location: '/y' }).end() : response.writeHead(200).end(CONTENT);
      expect((await project.cli('pull', RUN, '-o', 'a.zip')).code).toBe(0);
      expect(readFileSync(join(project.dir, 'a.zip'))).toEqual(CONTENT);
      expect(left()).toEqual(['a.zip']);
    } finally {
      other.closeAllConnections();
      other.close();
    }
  });

  test('a download that breaks or ends short leaves nothing, and an old file as it was', async () => {
    writeFileSync(join(project.dir, 'a.zip'), 'old');
    answer = (response) => {
      response.writeHead(200, { 'content-length': CONTENT.length }).write(CONTENT.subarray(0, 1000));
      setTimeout(() => response.destroy(), 50);
    };
    const broken = await project.cli('pull', RUN, '-o', 'a.zip', '--force');
    expect(broken).toMatchObject({ code: 6, stderr: has('nothing was written') });
    answer = (response) => {
      response.writeHead(200).write(CONTENT.subarray(0, 1000));
      setTimeout(() => response.destroy(), 50);
    };
    expect((await project.cli('pull', RUN, '-o', 'a.zip', '--force')).code).toBe(6);
    answer = (response) => response.writeHead(410).end();
    expect(await project.cli('pull', RUN, '-o', 'a.zip', '--force')).toMatchObject({ code: 5, stderr: has('410') });
    answer = (response) => response.writeHead(503).end();
    expect((await project.cli('pull', RUN, '-o', 'a.zip', '--force')).code).toBe(6);
    for (const { stderr } of [broken]) expect(stderr).not.toContain('s3cret');
    expect(readFileSync(join(project.dir, 'a.zip'), 'utf8')).toBe('old');
    expect(left()).toEqual(['a.zip']);
  });
});
