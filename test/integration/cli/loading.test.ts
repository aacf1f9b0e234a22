import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { selfSigned } from '../../support/certificates.ts';
import { BIN, makeProject, startProgram, storeLogin } from '../../support/cli.ts';
import { fakeRun, issue, startControlFake } from '../../support/control-fake.ts';

/** Writes down every module that a process loads, when it ends. */
const RECORDER = `import { registerHooks } from 'node:module';
import { writeFileSync } from 'node:fs';
const seen = [];
registerHooks({ load(url, context, next) { seen.push(url); return next(url, context); } });
process.on('exit', () => writeFileSync(process.env.LOADED, JSON.stringify(seen)));`;

test('ls with a login loads nothing that only other commands or other servers need', async () => {
  const tls = await selfSigned();
  const fake = await startControlFake({ tls });
  const project = await makeProject({ address: fake.address, ca: tls.cert });
  try {
    fake.state.runs = [fakeRun()];
    await storeLogin(project, { address: fake.address, ca: tls.cert, tokens: issue(fake.state) });
    const [recorder, loaded] = [join(project.dir, 'record.mjs'), join(project.dir, 'loaded.json')];
    await writeFile(recorder, RECORDER);
    const env = { PATH: process.env.PATH, HOME: project.dir, LOADED: loaded };
    const running = startProgram(process.execPath, ['--import', recorder, BIN, 'ls'], { cwd: project.dir, env });
    expect(await running.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('running') });
    const urls = JSON.parse(await readFile(loaded, 'utf8')) as string[];
    expect(urls.some((url) => url.endsWith('/client/fedctl-remote.js'))).toBe(true);
    const needless =
      /\/dist\/(flower|agent|credentials\/(agent|key)|client\/(superlink|grants|identify|logs|uploads|patience)|cli\/superlink|gen\/flwr\/proto\/control|gen\/fedctl\/v1\/(federations|supernodes))/;
    expect(urls.filter((url) => needless.test(url))).toEqual([]);
  } finally {
    await fake.kill();
    await project.remove();
  }
});
