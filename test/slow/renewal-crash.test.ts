import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Stage, setStage } from '../e2e/faults/stage.ts';
import type { CliResult } from '../support/cli.ts';
import { placesWith } from '../support/invariants.ts';
import type { AccountName, Person } from '../support/people.ts';
import { until } from '../support/until.ts';

/** One session for each crash point: all of them wait at the same time for what the dead server held. */
const CRASHES = [
  ['alice', 'renew.before-provider'],
  ['bob', 'renew.after-write'],
  ['carol', 'renew.after-provider'],
] as const satisfies (readonly [AccountName, string])[];
const RECOVERED_MS = 30_000;

let stage: Stage;

beforeAll(async () => {
  stage = await setStage({ env: { FEDCTL_TIMEOUT: '40' } });
  await stage.serve({ changes: { tokens: { access: '10s' } } });
  const people = CRASHES.map(([name]) => stage.people.person(name));
  for (const login of await Promise.all(people.map((person) => person.login())))
    expect(login).toMatchObject({ code: 0 });
  await stage.silence();
  await Promise.all(people.map((person) => until(() => isOver(person), 30_000)));
}, 120_000);
afterAll(() => stage?.close(), 30_000);

function isOver(person: Person): boolean {
  const { exp } = JSON.parse(Buffer.from(person.tokens().access.split('.')[1] ?? '', 'base64url').toString());
  return Date.now() > exp * 1000 + 500;
}

describe('F-26: the server is killed in the middle of a renewal', () => {
  const before = new Map<AccountName, ReturnType<Person['tokens']>>();
  const next = new Map<AccountName, CliResult>();

  test.each(CRASHES)(
    '%s meets %s: unavailable, and the stored login stays',
    async (name, point) => {
      const person = stage.people.person(name);
      before.set(name, person.tokens());
      const crashing = await stage.serve({ env: { NODE_ENV: 'test', FEDCTL_FAILPOINTS: point } });
      expect(await person.fedctl('ls')).toMatchObject({ code: 6, stdout: '' });
      expect(await crashing.exited).toEqual({ code: null, signal: 'SIGKILL' });
      expect(person.tokens()).toEqual(before.get(name));
    },
    60_000,
  );

  test('I10: a server that comes back answers all of them within 30 s', async () => {
    await stage.serve();
    const begun = performance.now();
    const all = CRASHES.map(async ([name]) => next.set(name, await stage.people.person(name).fedctl('ls')));
    await Promise.all(all);
    expect(performance.now() - begun).toBeLessThan(RECOVERED_MS);
  }, 60_000);

  test.each(['alice', 'bob'] as const)('RT-04, I5: %s: the old refresh token still gave the next pair', (name) => {
    expect(next.get(name)).toMatchObject({ code: 0, stdout: 'No runs.\n', stderr: '' });
    expect(stage.people.person(name).tokens().refresh).not.toBe(before.get(name)?.refresh);
  });

  test('carol: a provider that takes a refresh token once only has seen it: one clear demand to log in', async () => {
    const demand = expect.stringMatching(/^Error: [^\n]+\.\n.*fedctl login.*\n$/);
    expect(next.get('carol')).toMatchObject({ code: 3, stdout: '', stderr: demand });
    expect(await stage.people.person('carol').login()).toMatchObject({ code: 0 });
    expect(await stage.people.person('carol').fedctl('ls')).toMatchObject({ code: 0 });
  }, 60_000);

  test('I8: no refresh token, live or superseded, is in a log or readable in the database', () => {
    const tokens = CRASHES.map(([name]) => stage.people.person(name).tokens());
    const places = { logs: stage.logs(), database: readFileSync(stage.database, 'latin1'), said: stage.people.said() };
    expect(
      placesWith(
        tokens.flatMap(({ access, refresh }) => [access, refresh]),
        places,
      ),
    ).toEqual([]);
    const clientSecret = readFileSync(join(stage.folder, 'client-secret'), 'utf8').trim();
    expect(placesWith([clientSecret], places)).toEqual([]);
  });
});
