import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { selfSigned } from '../../support/certificates.ts';
import { type CliProject, makeProject } from '../../support/cli.ts';
import { type ControlFake, fakeRun, startControlFake } from '../../support/control-fake.ts';
import { startProxy, type TestProxy } from '../../support/proxy.ts';

/** Known to the proxy alone. */
const NAME = 'fedctl.example';
let fake: ControlFake;
let proxy: TestProxy;
let project: CliProject;

beforeAll(async () => {
  const tls = await selfSigned({ names: [NAME] });
  fake = await startControlFake({ tls });
  proxy = await startProxy({ hosts: { [NAME]: '127.0.0.1' }, login: 'ann:canary-4711' });
  const env = { HTTPS_PROXY: `http://ann:canary-4711@127.0.0.1:${proxy.port}` };
  project = await makeProject({ address: `${NAME}:${fake.port}`, ca: tls.cert }, env);
});
afterAll(async () => {
  await project?.remove();
  await proxy?.stop();
  await fake?.kill();
});

test('login, ls and log through a proxy: it sees no token, and nobody sees its password', async () => {
  fake.state.runs = [fakeRun()];
  fake.state.log = Buffer.from('first line\n');
  const said = [await project.cli('login'), await project.cli('ls'), await project.cli('log', 'latest', '--show')];
  expect(said.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(said[2]?.stdout).toContain('first line');
  expect(proxy.asked.length).toBeGreaterThanOrEqual(3);
  expect(new Set(proxy.asked)).toEqual(new Set([`${NAME}:${fake.port}`]));
  const seen = proxy.sent().toString('latin1');
  for (const token of [...fake.state.accessTokens, fake.state.refreshToken]) expect(seen).not.toContain(token);
  expect(said.map(({ stdout, stderr }) => stdout + stderr).join('')).not.toContain('canary');
});

test('a proxy that refuses is told by every command', async () => {
  const { dir } = project;
  const { runCli } = await import('../../support/cli.ts');
  const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
  const { code, stdout } = await runCli(['ls', '--json'], { cwd: dir, env });
  expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 6, error: { code: 'PROXY_LOGIN' } });
});
