import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { createEntries, type Entries } from '../../../src/agent/entries.ts';
import { type AgentLock, createAgentLock } from '../../../src/agent/lock.ts';
import { systemClock } from '../../../src/core/clock.ts';

let entries: Entries;
let lock: AgentLock;
let waits: number[];

/** Costs nothing, for tests that try often. */
const derive = async (passphrase: Buffer, salt: Buffer) =>
  createHash('sha256').update(salt).update(passphrase).digest();

beforeEach(() => {
  waits = [];
  entries = createEntries({ clock: systemClock, lifetimeMs: undefined });
  lock = createAgentLock({ entries, wait: async (ms) => void waits.push(ms) });
  entries.put({ id: 'a', kind: 'key', file: '/a.json', server: 'h:1', account: 'x' }, Buffer.from('s3cret'), undefined);
});

const words = (text: string) => Buffer.from(text);
const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error) => error.reason,
  );

describe('the lock of an agent', () => {
  test('opens with its passphrase only, and wipes what it was given', async () => {
    const passphrase = words('correct horse');
    await lock.lock(passphrase);
    expect([lock.isLocked, entries.get('a'), passphrase.every((byte) => byte === 0)]).toEqual([true, undefined, true]);
    expect(await reasonOf(lock.unlock(words('wrong')))).toBe('AGENT_PASSPHRASE_WRONG');
    expect(lock.isLocked).toBe(true);
    await lock.unlock(words('correct horse'));
    expect([lock.isLocked, entries.get('a')?.secret.toString()]).toEqual([false, 's3cret']);
  });

  test('each wrong try waits longer, ten seconds at most, and a right one starts anew', async () => {
    lock = createAgentLock({ entries, wait: async (ms) => void waits.push(ms), derive });
    await lock.lock(words('p'));
    for (let tries = 0; tries < 8; tries += 1) await reasonOf(lock.unlock(words('wrong')));
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    await lock.unlock(words('p'));
    await lock.lock(words('q'));
    await reasonOf(lock.unlock(words('p')));
    expect(waits.at(-1)).toBe(250);
  });

  test('tries at the same time take turns, and only a few may wait', async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    lock = createAgentLock({ entries, wait: () => gate, derive });
    await lock.lock(words('p'));
    const tries = ['a', 'b', 'c', 'p', 'p'].map((text) => reasonOf(lock.unlock(words(text))));
    expect(await tries[4]).toBe('AGENT_BUSY');
    open();
    const wrong = 'AGENT_PASSPHRASE_WRONG';
    expect(await Promise.all(tries)).toEqual([wrong, wrong, wrong, 'done', 'AGENT_BUSY']);
  });

  test('a locked agent is not locked again with another passphrase', async () => {
    await lock.lock(words('p'));
    expect(await reasonOf(lock.lock(words('q')))).toBe('AGENT_LOCKED');
    expect(await reasonOf(lock.lock(words('')))).toBe('USAGE');
    await lock.unlock(words('p'));
    expect(entries.get('a')?.secret.toString()).toBe('s3cret');
  });
});
