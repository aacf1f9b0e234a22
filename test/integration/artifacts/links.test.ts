import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import { type ArtifactServer, callerOf, startArtifactServer } from '../../support/artifact-server.ts';
import { unzip } from '../../support/unzip.ts';

let server: ArtifactServer;

beforeEach(async () => {
  server = await startArtifactServer();
  mkdirSync(server.folder, { recursive: true });
  writeFileSync(join(server.folder, 'model.npz'), 'weights');
});
afterEach(() => server.stop());

const lastRow = () => server.audit.at(-1);
const isNowhere = { status: 404, body: Buffer.from('{"error":"not_found"}\n') };

describe('a link', () => {
  test('gives the archive to whoever has it, and says so in the audit trail', async () => {
    const url = await server.link();
    expect(url).toMatch(/^https:\/\/fedctl\.example:9094\/artifacts\/[A-Za-z0-9._-]+$/);
    const { status, headers, body } = await server.get(url);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'application/zip',
      'content-length': String(body.length),
      'content-disposition': 'attachment; filename="run-6205364319212345678.zip"',
      'cache-control': 'no-store',
    });
    expect([...(await unzip(body))]).toEqual([['6205364319212345678/model.npz', Buffer.from('weights')]]);
    expect(server.audit).toEqual([
      expect.objectContaining({
        action: 'artifacts.download',
        principal: 'user:example|alice',
        accountId: 'account-alice',
        sessionId: 'session-alice',
        object: 'run:6205364319212345678',
        right: 'can_pull',
        decision: 'allow',
        address: '127.0.0.1',
      }),
    ]);
  });

  test('HEAD tells the size and sends nothing', async () => {
    const url = await server.link();
    const { body } = await server.get(url);
    const head = await server.get(url, { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, headers: { 'content-length': String(body.length) } });
    expect(head.body).toHaveLength(0);
  });

  test('is good until its time is over', async () => {
    const url = await server.link();
    server.script.time += 299_999;
    expect((await server.get(url)).status).toBe(200);
    server.script.time += 1;
    expect(await server.get(url)).toMatchObject(isNowhere);
    expect(lastRow()).toMatchObject({
      decision: 'deny',
      reason: 'ARTIFACT_LINK_EXPIRED',
      object: 'run:6205364319212345678',
      accountId: 'account-alice',
    });
  });

  test('ends with the session, with the right, and with the account', async () => {
    const url = await server.link();
    server.script.mayPull = false;
    expect(await server.get(url)).toMatchObject(isNowhere);
    expect(lastRow()).toMatchObject({ decision: 'deny', reason: 'NOT_PERMITTED', principal: 'user:example|alice' });
    server.script.mayPull = true;
    server.script.caller = undefined;
    expect(await server.get(url)).toMatchObject(isNowhere);
    expect(lastRow()).toMatchObject({ decision: 'deny', reason: 'SESSION_ENDED' });
    server.script.caller = callerOf('mallory');
    expect(await server.get(url)).toMatchObject(isNowhere);
    server.script.caller = callerOf('alice');
    expect((await server.get(url)).status).toBe(200);
  });

  test('T-35: whatever is wrong, the answer is that of a path that does not exist', async () => {
    const url = await server.link();
    const nowhere = await server.get('https://fedctl.example/nowhere');
    const answers = [
      await server.get('https://fedctl.example/artifacts/'),
      await server.get('https://fedctl.example/artifacts/..%2f..%2fetc'),
      await server.get(`${url.slice(0, -9)}${url.at(-9) === 'A' ? 'B' : 'A'}${url.slice(-8)}`),
      await server.get(`${url}AAAA`),
      await server.get(url.slice(0, -8)),
      await server.get(url.toUpperCase().replace('/ARTIFACTS/', '/artifacts/')),
      await server.get(`${url}/x`),
    ];
    server.script.mayPull = false;
    answers.push(await server.get(url));
    const comparable = ({ status, headers: { date: _, ...headers }, body }: typeof nowhere) => ({
      status,
      headers,
      body: body.toString(),
    });
    for (const answer of answers) expect(comparable(answer)).toEqual(comparable(nowhere));
    // Of no account and no run there is nothing to record.
    expect(server.audit).toHaveLength(1);
  });

  test('OpenFGA away is 503 for who has a good link, never "no"', async () => {
    const url = await server.link();
    server.script.away = new AppError('UNAVAILABLE', 'AUTHORIZATION_UNAVAILABLE', 'away');
    expect(await server.get(url)).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(lastRow()).toMatchObject({ decision: 'error', reason: 'AUTHORIZATION_UNAVAILABLE' });
  });

  test('T-05: its token stands in no log and in no audit row', async () => {
    const url = await server.link();
    const token = url.slice(url.lastIndexOf('/') + 1);
    await server.get(url);
    rmSync(server.folder, { recursive: true });
    expect(await server.get(url)).toMatchObject(isNowhere);
    server.script.away = new AppError('INTERNAL', 'INTERNAL', 'broken', { cause: new Error('why') });
    await server.get(url);
    expect(server.log()).toContain('why');
    expect(server.log() + JSON.stringify(server.audit)).not.toContain(token.slice(-40));
  });
});

describe('no link', () => {
  test('where nothing is configured', async () => {
    const bare = await startArtifactServer({ dir: undefined });
    await expect(bare.link()).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'ARTIFACTS_NOT_CONFIGURED',
      message: 'Artifacts are not configured on this server.',
      hint: 'Set dir under [artifacts] in server.toml.',
    });
    await bare.stop();
  });

  test('before the run has finished', async () => {
    server.script.run = { ...server.script.run, status: 'running' };
    await expect(server.link()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'RUN_NOT_FINISHED' });
  });

  test('to a run without files: none, folders only, a file in its place', async () => {
    const none = { code: 'NOT_FOUND', reason: 'ARTIFACTS_NOT_FOUND' };
    rmSync(server.folder, { recursive: true });
    await expect(server.link()).rejects.toMatchObject(none);
    mkdirSync(join(server.folder, 'a/b'), { recursive: true });
    await expect(server.link()).rejects.toMatchObject(none);
    rmSync(server.folder, { recursive: true });
    writeFileSync(server.folder, 'no folder');
    await expect(server.link()).rejects.toMatchObject(none);
    rmSync(server.dir, { recursive: true });
    await expect(server.link()).rejects.toMatchObject(none);
  });

  test('to more than may be pulled', async () => {
    const small = await startArtifactServer({ maxBytes: 10 });
    mkdirSync(small.folder, { recursive: true });
    writeFileSync(join(small.folder, 'a'), '12345');
    writeFileSync(join(small.folder, 'b'), '12345');
    expect(await small.link()).toContain('/artifacts/');
    writeFileSync(join(small.folder, 'c'), '1');
    await expect(small.link()).rejects.toMatchObject({ reason: 'ARTIFACTS_TOO_LARGE' });
    await small.stop();
  });
});
