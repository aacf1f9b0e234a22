import { createServer as createHttps } from 'node:https';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { selfSigned, type TestPair } from '../../support/certificates.ts';
import { type CliProject, makeProject } from '../../support/cli.ts';
import { startControlFake } from '../../support/control-fake.ts';

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function fakeWith(tls: TestPair | undefined, host?: string): Promise<number> {
  const fake = await startControlFake({ tls, ...(host === undefined ? {} : { host }) });
  closing.push(() => fake.kill());
  return fake.port;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    (server as unknown as { closeAllConnections?: () => void }).closeAllConnections?.();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

async function projectAt(address: string, ca?: string, env: NodeJS.ProcessEnv = {}): Promise<CliProject> {
  const project = await makeProject(ca === undefined ? { address } : { address, ca }, env);
  closing.push(project.remove);
  return project;
}

/** Logging in needs no login, so it meets the connection first. */
async function failingLogin(project: CliProject) {
  const { code, stdout } = await project.cli('login', '--json');
  return { code, ...JSON.parse(stdout).error };
}

describe('connection errors are told apart, each with its next step', () => {
  test('T-20: a certificate of another authority', async () => {
    const [port, other] = [await fakeWith(await selfSigned()), await selfSigned()];
    const project = await projectAt(`localhost:${port}`, other.cert);
    expect(await failingLogin(project)).toMatchObject({
      code: 'CERTIFICATE_UNTRUSTED',
      hint: expect.stringContaining('current CA file'),
    });
    expect((await project.cli('login')).code).toBe(6);
  });

  test('no CA file in the connection', async () => {
    const project = await projectAt(`localhost:${await fakeWith(await selfSigned())}`);
    expect(await failingLogin(project)).toMatchObject({
      code: 'CERTIFICATE_UNTRUSTED',
      hint: expect.stringContaining('Set root-certificates'),
    });
  });

  test('T-20: an expired certificate', async () => {
    const tls = await selfSigned({ from: -3 * 86_400_000, days: 1 });
    const project = await projectAt(`localhost:${await fakeWith(tls)}`, tls.cert);
    expect(await failingLogin(project)).toMatchObject({ code: 'CERTIFICATE_EXPIRED' });
  });

  test('a certificate that is not valid yet', async () => {
    const tls = await selfSigned({ from: 2 * 86_400_000 });
    const project = await projectAt(`localhost:${await fakeWith(tls)}`, tls.cert);
    expect(await failingLogin(project)).toMatchObject({
      code: 'CERTIFICATE_NOT_YET_VALID',
      hint: expect.stringContaining('clock'),
    });
  });

  test('T-20: a certificate for another name', async () => {
    const tls = await selfSigned();
    const project = await projectAt(`127.0.0.2:${await fakeWith(tls, '0.0.0.0')}`, tls.cert);
    expect(await failingLogin(project)).toMatchObject({
      code: 'CERTIFICATE_WRONG_NAME',
      message: expect.stringContaining('127.0.0.2'),
    });
  });

  test('an address by number is verified by that number', async () => {
    const tls = await selfSigned();
    const project = await projectAt(`127.0.0.1:${await fakeWith(tls)}`, tls.cert);
    expect(await project.cli('login')).toMatchObject({ code: 0, stderr: expect.not.stringContaining('DEP0123') });
  });

  test('T-20: a plaintext gRPC server', async () => {
    const project = await projectAt(`localhost:${await fakeWith(undefined)}`, (await selfSigned()).cert);
    expect(await failingLogin(project)).toMatchObject({
      code: 'SERVER_PLAINTEXT',
      hint: expect.stringContaining('insecure = true'),
    });
  });

  test('an HTTPS server without gRPC', async () => {
    const tls = await selfSigned();
    const port = await listen(
      createHttps(
        { cert: tls.cert, key: tls.key },
        (_request, response) => void response.end('hello'),
      ) as unknown as Server,
    );
    expect(await failingLogin(await projectAt(`localhost:${port}`, tls.cert))).toMatchObject({
      code: 'SERVER_NOT_GRPC',
    });
  });

  test('nothing listens', async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const project = await projectAt(`127.0.0.1:${port}`);
    expect(await failingLogin(project)).toMatchObject({
      code: 'SERVER_REFUSED',
      hint: expect.stringContaining('running'),
    });
    expect((await project.cli('login')).code).toBe(6);
  });

  test('a port that takes connections and says nothing', async () => {
    const port = await listen(createServer(() => {}));
    const project = await projectAt(`127.0.0.1:${port}`, undefined, { FEDCTL_TIMEOUT: '1' });
    expect(await failingLogin(project)).toMatchObject({ code: 'SERVER_TIMEOUT' });
  });

  test('a name that does not exist', async () => {
    const project = await projectAt('no-such-host.invalid:9093');
    expect(await failingLogin(project)).toMatchObject({ code: 'SERVER_NAME_UNKNOWN' });
  });
});

describe('bad input: one clear sentence, nothing sent, nothing changed', () => {
  test.each([
    [['address = "localhost"'], 'INVALID_ARGUMENT', 'host:port'],
    [['insecure = false'], 'INVALID_ARGUMENT', 'address'],
    [['address = 17'], 'INVALID_ARGUMENT', 'address'],
    [['address = "https://localhost:1"'], 'INVALID_ARGUMENT', 'scheme'],
    [['address = "localhost:1"', 'root-certificates = "nowhere.pem"'], 'FAILED_PRECONDITION', 'nowhere.pem'],
    [['address = "localhost:1'], 'INVALID_ARGUMENT', 'pyproject.toml'],
  ])('%j', async (lines, _code, told) => {
    const project = await projectAt('localhost:1');
    await project.connect(lines);
    const { code, stdout, stderr } = await project.cli('ls');
    expect({ code, stdout }).toEqual({ code: expect.any(Number), stdout: '' });
    expect([1, 2]).toContain(code);
    expect(stderr).toContain(told);
    expect(stderr).not.toMatch(/bug|\n {4}at /);
  });

  test('an unknown connection', async () => {
    const project = await projectAt('localhost:1');
    expect(await project.cli('ls', '.', 'lap')).toMatchObject({ code: 5, stderr: expect.stringContaining('lab') });
  });

  test.each(['18446744073709551616', '99999999999999999999999', '-1', '1e5', 'abc', '12 34', ''])(
    'T-36: RUN_ID %j',
    async (id) => {
      const tls = await selfSigned();
      const project = await projectAt(`localhost:${await fakeWith(tls)}`, tls.cert);
      await project.cli('login');
      expect((await project.cli('stop', '--', id)).code).toBe(2);
    },
  );

  test('nobody logged in where the connection says that there is a login: exit code 3, with no server asked', async () => {
    const project = await projectAt('127.0.0.1:1');
    await project.connect(['address = "127.0.0.1:1"', 'enable-user-auth = true']);
    expect(await project.cli('ls')).toMatchObject({
      code: 3,
      stderr: 'Error: You are not logged in.\nRun: fedctl login\n',
    });
  });

  test('nobody logged in and nothing said about it: the server is asked what it is', async () => {
    const project = await projectAt('127.0.0.1:1');
    expect(await project.cli('ls')).toMatchObject({ code: 6, stderr: expect.stringContaining('Nothing listens') });
    const tls = await selfSigned();
    const other = await projectAt(`localhost:${await fakeWith(tls)}`, tls.cert);
    expect(await other.cli('ls')).toMatchObject({
      code: 3,
      stderr: 'Error: You are not logged in.\nRun: fedctl login\n',
    });
    expect((await other.cli('ls', '.', 'lab')).stderr).toContain('Run: fedctl login . lab\n');
  });
});
