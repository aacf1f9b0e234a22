import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type DevStack, startDevStack } from '../support/dev-stack.ts';
import { allTicks, CONNECTION, invitePeople, type People, type Person, ticksIn } from '../support/people.ts';

/** Releases of Flower whose SuperLink is the engine of a whole stack; the suite of what an engine is runs against two of them. */
const RELEASES = process.env.FEDCTL_COMPAT_ENGINES?.split(',') ?? ['1.24.0', '1.32.1', '1.36.0', '1.37.0', '1.41.0'];

for (const release of RELEASES) {
  describe(`engine ${release}`, () => {
    let stack: DevStack;
    let people: People;
    let alice: Person;

    beforeAll(async () => {
      stack = await startDevStack({ engine: `flower@${release}` });
      people = invitePeople(stack.facts);
      alice = people.person('alice');
      expect((await alice.login()).code).toBe(0);
    }, 240_000);
    afterAll(async () => {
      await stack?.stop();
      people?.leave();
    }, 60_000);

    test('run on two SuperNodes', async () => {
      await alice.json(['new', 'my-app']);
      const args = ['run', join(alice.home, 'my-app'), CONNECTION, '--stream', '-c', 'num-server-rounds=2'];
      const { code, stdout, stderr } = await alice.fedctl(...args);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(stdout).toMatch(/round 1\/2 .*round 2\/2 .*training finished/s);
    }, 180_000);

    test('log', async () => {
      const id = await alice.tick({ ticks: 8, pause: 0.3 });
      const { code, stdout } = await alice.fedctl('log', id);
      expect({ code, ticks: ticksIn(stdout) }).toEqual({ code: 0, ticks: allTicks(8) });
    }, 90_000);

    test('stop', async () => {
      const id = await alice.tick({ ticks: 10_000, pause: 0.5 });
      expect((await alice.fedctl('stop', id)).code).toBe(0);
      expect((await alice.fedctl('log', id)).code).toBe(11);
    }, 90_000);

    test('ls', async () => {
      const { runs } = await alice.json<{ runs: { status: string }[] }>(['ls']);
      expect(runs.map((run) => run.status)).toEqual(['finished:stopped', 'finished:completed', 'finished:completed']);
    }, 30_000);

    test('supernode ls', async () => {
      const { nodes } = await alice.json<{ nodes: { status: string }[] }>(['supernode', 'ls']);
      expect(nodes.map((node) => node.status)).toEqual(['online', 'online']);
    }, 30_000);
  });
}
