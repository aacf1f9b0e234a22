import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { createEntries, type Entries } from '../../../src/agent/entries.ts';

let time: { now: number; monotonic: number };
const clock = { now: () => time.now, monotonic: () => time.monotonic };
let entries: Entries;

beforeEach(() => {
  time = { now: 1_000_000, monotonic: 0 };
  entries = createEntries({ clock, lifetimeMs: undefined });
});

const facts = (id: string) => ({
  id,
  kind: 'key' as const,
  file: `/p/${id}.json`,
  server: 'host:9093',
  account: 'alice',
});
const secret = (text: string) => Buffer.from(text);
const pass = (ms: number) => {
  time.now += ms;
  time.monotonic += ms;
};

describe('what an agent holds', () => {
  test('is given out as copies and listed without its secret', () => {
    entries.put(facts('a'), secret('s3cret'), undefined);
    entries.get('a')?.secret.fill(0);
    expect(entries.get('a')?.secret.toString()).toBe('s3cret');
    expect(entries.list()).toEqual([facts('a')]);
    expect(JSON.stringify(entries.list())).not.toContain('s3cret');
    expect(entries.get('b')).toBeUndefined();
  });

  test('is wiped when it is replaced, removed and when its time is over', () => {
    const [first, second, third] = [secret('one'), secret('two'), secret('six')];
    entries.put(facts('a'), first, undefined);
    entries.put(facts('a'), second, undefined);
    entries.put(facts('b'), third, 1_000);
    expect([first.toString('hex'), entries.get('a')?.secret.toString()]).toEqual(['000000', 'two']);
    expect(entries.remove('a')).toBe(1);
    pass(1_000);
    expect(entries.get('b')).toBeUndefined();
    expect([second, third].map((buffer) => buffer.toString('hex'))).toEqual(['000000', '000000']);
    expect(entries.remove()).toBe(0);
  });

  test('ends by whichever clock is further: sleep and a clock that was set make no lifetime longer', () => {
    entries.put(facts('a'), secret('x'), 60_000);
    time.now -= 3_600_000;
    time.monotonic += 59_999;
    expect(entries.get('a')?.leftMs).toBe(1);
    time.monotonic += 1;
    expect(entries.get('a')).toBeUndefined();
    entries.put(facts('b'), secret('x'), 60_000);
    // The monotonic clock of Linux stands still while the machine sleeps.
    time.now += 60_000;
    expect(entries.list()).toEqual([]);
  });

  test('keeps its end when it is renewed, and takes the default where it is new', () => {
    entries = createEntries({ clock, lifetimeMs: 10_000 });
    entries.put(facts('a'), secret('x'), undefined);
    pass(9_000);
    entries.put(facts('a'), secret('y'), undefined);
    expect(entries.get('a')?.leftMs).toBe(1_000);
    entries.put(facts('a'), secret('y'), 5_000);
    expect(entries.get('a')?.leftMs).toBe(5_000);
    expect(entries.setLifetime(2_000)).toBe(1);
    expect(entries.list()).toEqual([{ ...facts('a'), leftMs: 2_000 }]);
    expect(entries.setLifetime(2_000, 'b')).toBe(0);
  });

  test('is not without bounds', () => {
    const fill = () => {
      for (let index = 0; index < 300; index += 1) entries.put(facts(String(index)), secret('x'), undefined);
    };
    expect(fill).toThrow(expect.objectContaining({ reason: 'AGENT_FULL' }));
  });

  test('is encrypted with nothing left in the clear, and comes back only with the same key', () => {
    const plain = secret('s3cret');
    const key = randomBytes(32);
    entries.put(facts('a'), plain, 60_000);
    entries.seal(key);
    expect(plain.toString('hex')).toBe('000000000000');
    expect(entries.get('a')).toBeUndefined();
    expect(() => entries.open(randomBytes(32))).toThrow();
    entries.open(key);
    expect(entries.get('a')?.secret.toString()).toBe('s3cret');
    entries.seal(key);
    pass(60_000);
    entries.open(key);
    expect(entries.get('a')).toBeUndefined();
  });
});
