import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readRows } from '../../support/invariants.ts';
import { type Person, TICKER } from '../../support/people.ts';
import { until } from '../../support/until.ts';
import { expectFailure } from './failure.ts';
import { type Stage, setStage } from './stage.ts';

let stage: Stage;
let alice: Person;
let bob: Person;

beforeAll(async () => {
  stage = await setStage({ changes: { tokens: { access: '10s' } } });
  [alice, bob] = [stage.people.person('alice'), stage.people.person('bob')];
  await stage.serve();
  await Promise.all([alice.login(), bob.login()]);
  await stage.silence();
}, 90_000);
afterEach(() => stage.silence());
afterAll(() => stage?.close(), 30_000);

const LONG = { tokens: { access: '1h' } };

async function expireToken(person: Person): Promise<void> {
  const { exp } = JSON.parse(Buffer.from(person.tokens().access.split('.')[1] ?? '', 'base64url').toString());
  await until(() => Date.now() > exp * 1000 + 500, 30_000);
}

describe('the server is down', () => {
  test('every command says so with exit code 6', async () => {
    for (const args of [['ls'], ['whoami'], ['stop', '123456'], ['log', '123456']]) {
      expect(await expectFailure(bob, 6, ...args)).toEqual({
        code: 'SERVER_REFUSED',
        message: `Nothing listens at ${stage.facts.address}.`,
        hint: expect.stringContaining('that the server is running'),
      });
    }
  }, 90_000);
});

describe('the identity provider is down', () => {
  test('F-03: with an expired token: unavailable, the login stays and works again afterwards', async () => {
    await stage.serve();
    await expireToken(bob);
    await stage.idp.stop();
    try {
      const error = await expectFailure(bob, 6, 'ls');
      expect(error.code).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
      expect(error.message).not.toMatch(/log ?in again/i);
    } finally {
      await stage.idp.start();
    }
    expect(await until(async () => (await bob.fedctl('ls')).code === 0, 30_000)).toBe(true);
  }, 90_000);

  test('F-02, F-01: with a valid token calls work; a login is refused and no file changes', async () => {
    await stage.serve({ changes: LONG });
    expect(await alice.fedctl('ls')).toMatchObject({ code: 0 });
    await stage.idp.stop();
    try {
      expect(await alice.fedctl('ls')).toMatchObject({ code: 0, stdout: 'No runs.\n', stderr: '' });
      expect(await alice.fedctl('whoami')).toMatchObject({ code: 0 });
      const carol = stage.people.person('carol');
      expect(await expectFailure(carol, 6, 'login', '--no-launch-browser')).toMatchObject({
        code: 'IDENTITY_PROVIDER_UNAVAILABLE',
      });
    } finally {
      await stage.idp.start();
    }
    expect(await stage.people.person('carol').login()).toMatchObject({ code: 0 });
  }, 90_000);
});

describe('OpenFGA is down', () => {
  test('F-10: unavailable, never "permission denied", nothing allowed; it recovers by itself', async () => {
    await stage.serve({ changes: LONG });
    expect(await alice.fedctl('ls')).toMatchObject({ code: 0 });
    const rows = readRows(stage.database).length;
    await stage.openfga.stop();
    try {
      for (const args of [
        ['run', TICKER],
        ['can', 'run', 'federation:@dev/default'],
        // A whole id: the start of one would be looked up in a list, whose decisions may stand for a second and a half.
        ['stop', '18446744073709551615'],
      ]) {
        const error = await expectFailure(alice, 6, ...args);
        expect(error.message).not.toMatch(/permission|not allowed|denied/i);
      }
      expect(readRows(stage.database)).toHaveLength(rows);
    } finally {
      await stage.openfga.start();
    }
    expect(
      await until(async () => (await alice.fedctl('can', 'run', 'federation:@dev/default')).code === 0, 30_000),
    ).toBe(true);
  }, 120_000);
});
