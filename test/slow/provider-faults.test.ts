import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { expectFailure } from '../e2e/faults/failure.ts';
import { type Stage, setStage } from '../e2e/faults/stage.ts';
import type { Person } from '../support/people.ts';
import { FAULTS, startFaultyProvider } from './faulty-provider.ts';
import { seconds, tell } from './figures.ts';
import { expire } from './logins.ts';

let stage: Stage;
let alice: Person;
let bob: Person;

beforeAll(async () => {
  stage = await setStage();
  await stage.serve({ changes: { tokens: { access: '1h' } } });
  [alice, bob] = [stage.people.person('alice'), stage.people.person('bob')];
  for (const person of [alice, bob]) expect(await person.login()).toMatchObject({ code: 0 });
}, 120_000);
afterAll(() => stage?.close(), 30_000);

/** Runs `work` while another server stands at the issuer's address. */
async function whileFaulty(name: string, work: () => Promise<void>): Promise<void> {
  await stage.idp.stop();
  const faulty = await startFaultyProvider(stage.facts.issuer, FAULTS[name] ?? (() => {}));
  try {
    await work();
    expect(faulty.count()).toBeGreaterThan(0);
  } finally {
    await faulty.close();
    await stage.idp.start();
  }
}

const loginOf = (person: Person) => ({ home: person.home, facts: stage.facts });

describe('F-03, F-04, F-05: the identity provider fails while a token has to be renewed', () => {
  test.each(Object.keys(FAULTS))(
    'it %s: unavailable, the login stays, others go on, and it works again afterwards',
    async (name) => {
      await expire(loginOf(bob));
      const times: number[] = [];
      await whileFaulty(name, async () => {
        const begun = performance.now();
        const failing = expectFailure(bob, 6, 'ls').then((error) => {
          times.push(performance.now() - begun);
          return error;
        });
        // Somebody whose token lives is not held up by it.
        expect(await alice.fedctl('ls')).toMatchObject({ code: 0, stderr: '' });
        const error = await failing;
        expect(error.code).toMatch(/^IDENTITY_PROVIDER_/);
        expect(error.message).not.toMatch(/log ?in again/i);
      });
      expect(await bob.fedctl('ls')).toMatchObject({ code: 0, stdout: 'No runs.\n', stderr: '' });
      tell(`told after ${times.map(seconds).join(', ')}`);
    },
    120_000,
  );
});

describe('F-06: the identity provider says invalid_grant', () => {
  test('login needed, with the command for it; an audit row; the session is over', async () => {
    await expire(loginOf(bob));
    const idp = new DatabaseSync(stage.idpDatabase, { timeout: 5_000 });
    idp.exec("delete from entry where model = 'RefreshToken'");
    idp.close();
    const { code, message, hint } = await expectFailure(bob, 3, 'ls');
    expect(code).toMatch(/^(SESSION_ENDED|REFRESH_TOKEN_INVALID|TOKEN_INVALID)$/);
    expect(`${message} ${hint}`).toContain('fedctl login');
    const database = new DatabaseSync(stage.database, { readOnly: true, timeout: 5_000 });
    const rows = database.prepare("select * from audit where decision = 'deny'").all();
    database.close();
    expect(JSON.stringify(rows)).toMatch(/ended by|ended-by-provider/);
    expect(await bob.login()).toMatchObject({ code: 0 });
    expect(await bob.fedctl('ls')).toMatchObject({ code: 0 });
  }, 120_000);
});
