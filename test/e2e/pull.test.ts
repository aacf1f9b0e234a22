import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { invitePeople } from '../support/people.ts';
import { sharedStack } from './stack/shared.ts';

/** alice's run leaves files behind; bob has nothing to do with it. */
describe('pull', () => {
  const stack = sharedStack();
  const people = invitePeople(stack);
  const [alice, bob] = [people.person('alice'), people.person('bob')];
  let run = '';

  beforeAll(async () => {
    await Promise.all([alice.login(), bob.login()]);
    run = await alice.tick({ ticks: 1, pause: 0.01 });
    expect((await alice.fedctl('log', run)).code).toBe(0);
  }, 180_000);

  afterAll(() => people.leave());

  test('the files of a run come whole, from our own HTTPS port, to who may have them', async () => {
    const folder = join(stack.state, 'artifacts', run);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'model.bin'), 'weights of a model');
    const link = await alice.json<{ url: string; 'expires-in': number }>(['pull', run]);
    expect(new URL(link.url).origin).toBe(stack.https);
    expect(link['expires-in']).toBeGreaterThan(60);
    expect((await alice.fedctl('pull', run, '--output', './')).stdout).toContain(`run-${run}.zip: `);
    const archive = readFileSync(join(alice.home, `run-${run}.zip`));
    expect(archive.subarray(0, 4).toString('latin1')).toBe('PK\u0003\u0004');
    expect(archive.includes('model.bin')).toBe(true);
    expect(readdirSync(alice.home).filter((name) => name.endsWith('.part'))).toEqual([]);
  }, 120_000);

  test('who may not see the run is told that there is none', async () => {
    const refused = await bob.fedctl('pull', run, '--output', 'mine.zip');
    expect(refused).toMatchObject({ code: 5, stdout: '' });
    expect(readdirSync(bob.home)).not.toContain('mine.zip');
  }, 60_000);
});
