import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { expire } from '../slow/logins.ts';
import { endKeycloak, startKeycloak } from '../support/keycloak.ts';
import { CONNECTION } from '../support/people.ts';
import { until } from '../support/until.ts';
import { keycloakPeople } from './stage/people.ts';
import { savedPid, savePid, sharedStage } from './stage/shared.ts';

describe('Keycloak down, and up again', () => {
  const stage = sharedStage();
  const people = keycloakPeople(stage);
  afterAll(() => people.leave());

  test('F-01, F-02, F-03: what is valid goes on, nothing is deleted, and all is well afterwards', async () => {
    const [alice, bob] = [people.person('alice'), people.person('bob')];
    expect(await alice.login()).toMatchObject({ code: 0 });
    const file = join(alice.home, '.credentials', `${CONNECTION}.json`);
    const stored = readFileSync(file, 'utf8');
    endKeycloak(savedPid(stage.folder) ?? 0);
    let again: Awaited<ReturnType<typeof startKeycloak>> | undefined;
    try {
      expect(await alice.fedctl('ls')).toMatchObject({ code: 0 });
      expect(await bob.fedctl('login', '--no-launch-browser')).toMatchObject({ code: 6 });
      await expire({ home: alice.home, facts: stage.stack });
      const { code, stderr } = await alice.fedctl('whoami');
      expect({ code, stderr }).toEqual({ code: 6, stderr: expect.not.stringContaining('fedctl login') });
      expect(readFileSync(file, 'utf8')).toBe(stored);
    } finally {
      again = await startKeycloak({ ...stage.keycloak, again: true });
      savePid(stage.folder, again.pid);
    }
    await until(async () => (await alice.fedctl('whoami')).code === 0, 30_000);
    expect(readFileSync(file, 'utf8')).not.toBe(stored);
    expect(await bob.login()).toMatchObject({ code: 0 });
    // Keycloak takes its time to start.
  }, 420_000);
});
