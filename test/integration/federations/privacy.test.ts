import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Input, MethodName } from '../../../src/server/rpc/methods.ts';
import { POLICY } from '../../../src/server/rpc/policy.ts';
import { startOpenFga, type TestOpenFga } from '../../support/openfga.ts';
import { DEFAULT, type Lab, openLab } from './fixture.ts';

const FOREIGN = '@lab/foreign';
const ARCHIVED = '@lab/archived';

type Calls = { readonly [M in MethodName]?: (federation: string) => Input<M> };

/** Every method that names a federation, in every way in which it does. */
const NAMES_FEDERATION: Calls = {
  'runs.start': (federation) => ({
    federation,
    requestId: 'r',
    bundle: new Uint8Array(),
    bundleSha256: '',
    runConfig: {},
    federationConfig: {},
  }),
  'runs.list': (federation) => ({ federation, idPrefix: '', limit: 5, cursor: '', mine: false }),
  'nodes.list': (federation) => ({ federation }),
  'nodes.register': (federation) => ({ federation, publicKey: new Uint8Array(), name: '', location: '' }),
  'federations.show': (federation) => ({ federation }),
  'federations.create': (federation) => ({ federation, description: '', simulation: false, engine: '' }),
  'federations.archive': (federation) => ({ federation }),
  'federations.add-node': (federation) => ({ federation, nodeId: 11n }),
  'federations.remove-node': (federation) => ({ federation, nodeId: 11n }),
  'federations.remove-member': (federation) => ({ federation, account: 'member' }),
  'federations.leave': (federation) => ({ federation }),
  'federations.configure-simulation': (federation) => ({ federation, config: { verbose: true } }),
  'invitations.create': (federation) => ({ federation, invitee: 'stranger', role: 'admin' }),
  'invitations.accept': (federation) => ({ federation }),
  'invitations.reject': (federation) => ({ federation }),
  'invitations.revoke': (federation) => ({ federation, invitee: 'guest' }),
  'access.grant': (id) => ({ who: 'stranger', role: 'admin', object: `federation:${id}`, forSeconds: 0n }),
  'access.revoke': (id) => ({ who: 'member', role: 'runner', object: `federation:${id}` }),
  'access.grants': (id) => ({ who: '', object: `federation:${id}` }),
  'access.can': (id) => ({ action: 'run', object: `federation:${id}` }),
};

/** People who may not list it, for various reasons. */
const STRANGERS = ['stranger', 'elsewhere', 'removed', 'ended', 'shared', 'guest-of-other'];

let fga: TestOpenFga;
let lab: Lab;

beforeAll(async () => {
  fga = await startOpenFga();
  lab = await openLab(fga);
  for (const id of [FOREIGN, ARCHIVED, '@lab/other']) await lab.create(id);
  await lab.grant('member', 'runner', `federation:${FOREIGN}`);
  await lab.grant('guest', 'viewer', `federation:@lab/other`);
  await lab.call('root', 'invitations.create', { federation: FOREIGN, invitee: 'guest', role: 'runner' });
  await lab.call('root', 'federations.archive', { federation: ARCHIVED });
  await lab.grant('elsewhere', 'admin', 'federation:@lab/other');
  await lab.grant('removed', 'admin', `federation:${FOREIGN}`);
  await lab.call('root', 'federations.remove-member', { federation: FOREIGN, account: 'removed' });
  await lab.grant('ended', 'operator', `federation:${FOREIGN}`);
  await lab.call('ended', 'federations.leave', { federation: FOREIGN });
  await lab.grant('shared', 'operator', 'run:77');
  await lab.call('stranger', 'invitations.list', {});
  await lab.call('guest-of-other', 'invitations.list', {});
  await lab.call('root', 'invitations.create', { federation: '@lab/other', invitee: 'guest-of-other', role: '' });
}, 60_000);
afterAll(async () => {
  await lab?.close();
  await fga?.close();
});

/** All that a call shows and leaves behind, with the name of the federation taken out. */
async function traceOf<M extends MethodName>(who: string, method: M, federation: string) {
  const rows = lab.audit.length;
  const input = NAMES_FEDERATION[method]?.(federation) as Input<M>;
  const answer = await lab.call(who, method, input).then(
    (output) => ({ output: { ...output, now: 0 } }),
    ({ code, reason, message, hint, retryAfterMs }) => ({ error: { code, reason, message, hint, retryAfterMs } }),
  );
  const audit = lab.audit.slice(rows).map((row) => ({ ...row, requestId: '', at: 0 }));
  const text = JSON.stringify({ answer, audit }, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  return JSON.parse(text.replaceAll(federation, '@x/y'));
}

describe('a federation that may not be listed does not exist', () => {
  test('the table has every method whose right is asked on a federation', () => {
    const asked = Object.entries(POLICY).filter(
      ([, row]) => row.on === 'federation' || row.names || row.on === 'object',
    );
    expect(asked.map(([method]) => method).filter((method) => !Object.hasOwn(NAMES_FEDERATION, method))).toEqual([]);
  });

  test('T-35: foreign, archived and unknown ones can not be told apart, by any method', async () => {
    const method = fc.constantFrom(...(Object.keys(NAMES_FEDERATION) as MethodName[]));
    const name = fc.stringMatching(/^@[A-Za-z0-9_-]{1,12}\/[A-Za-z0-9_-]{1,12}$/);
    const existing = fc.constantFrom(FOREIGN, ARCHIVED);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...STRANGERS), method, existing, name, async (who, asked, real, unknown) => {
        fc.pre(!['@lab/other', DEFAULT, FOREIGN, ARCHIVED].includes(unknown));
        expect(await traceOf(who, asked, real)).toEqual(await traceOf(who, asked, unknown));
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test.each(Object.keys(NAMES_FEDERATION) as MethodName[])('T-35: %s', async (method) => {
    for (const who of STRANGERS) {
      const [foreign, unknown] = [await traceOf(who, method, FOREIGN), await traceOf(who, method, '@lab/nowhere')];
      expect(foreign).toEqual(unknown);
      expect(foreign.audit).toHaveLength(1);
    }
    // Who may list it gets something else: the comparison above is one of two different things.
    if (POLICY[method].on !== 'federation') return;
    // Again each time: one of the methods is leaving.
    await lab.grant('member', 'runner', `federation:${FOREIGN}`);
    expect(await traceOf('member', method, FOREIGN)).not.toEqual(await traceOf('member', method, '@lab/nowhere'));
  });

  test.each(['federations.show', 'federations.archive', 'access.can'] as const)(
    'T-35: %s takes the same time for a foreign and an unknown one',
    async (method) => {
      // What exists is in the cache of decisions from here on.
      await lab.call('stranger', 'federations.list', {});
      const times = { foreign: [] as number[], unknown: [] as number[] };
      for (let round = 0; round < 120; round += 1) {
        for (const kind of round % 2 ? (['foreign', 'unknown'] as const) : (['unknown', 'foreign'] as const)) {
          const started = performance.now();
          await traceOf('stranger', method, kind === 'foreign' ? FOREIGN : `@lab/no-${round}`);
          times[kind].push(performance.now() - started);
        }
      }
      const ratio = median(times.foreign) / median(times.unknown);
      expect(ratio).toBeGreaterThan(0.6);
      expect(ratio).toBeLessThan(1.67);
    },
    60_000,
  );

  test('who may see it and lacks the right is told the right', async () => {
    const { error, row } = await lab.refused('guest', 'federations.archive', { federation: '@lab/other' });
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'NOT_PERMITTED' });
    expect(error.message).toContain('can_admin');
    expect(row).toMatchObject({ object: 'federation:@lab/other', right: 'can_admin', decision: 'deny' });
  });

  test('the default one is known to everybody', async () => {
    const { error } = await lab.refused('stranger', 'federations.show', { federation: '' });
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'NOT_PERMITTED' });
  });

  test('a grant on a name that is not taken makes nobody see anything', async () => {
    await lab.grant('early', 'admin', 'federation:@lab/nowhere');
    const { error } = await lab.refused('early', 'federations.show', { federation: '@lab/nowhere' });
    expect(error.reason).toBe('FEDERATION_NOT_FOUND');
    expect(
      (
        await lab.refused('root', 'access.grant', {
          who: 'early',
          role: 'admin',
          object: 'federation:@lab/nothing',
          forSeconds: 0n,
        })
      ).error.reason,
    ).toBe('FEDERATION_NOT_FOUND');
  });
});

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
