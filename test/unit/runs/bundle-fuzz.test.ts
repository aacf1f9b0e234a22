import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isAppError } from '../../../src/core/errors.ts';
import { readApp } from '../../../src/project/app.ts';
import { bundleApp } from '../../../src/project/bundle.ts';
import { verifyBundle } from '../../../src/server/runs/bundle.ts';
import { readZip } from '../../../src/server/runs/bundle-zip.ts';

const CORPUS = join(import.meta.dirname, '../../fixtures/bundle-corpus');
const APP = join(import.meta.dirname, '../../fixtures/tinyapp');
const corpus = readdirSync(CORPUS)
  .filter((name) => name.endsWith('.zip'))
  .map((name) => ({ name, outcome: name.split('--')[0] ?? '', content: readFileSync(join(CORPUS, name)) }));

/** WHOLE, or the reason without its prefix; anything else that is thrown fails the test. */
async function outcomeOf(content: Buffer): Promise<string> {
  try {
    await verifyBundle(content);
    return 'WHOLE';
  } catch (error) {
    if (!isAppError(error) || error.code !== 'INVALID_ARGUMENT') throw error;
    return error.reason.replace(/^BUNDLE_/, '');
  }
}

test.each(corpus)('T-23 to T-26: $name', async ({ outcome, content }) => {
  expect(await outcomeOf(content)).toBe(outcome);
});

/** Another reader: from the first byte on, by local headers alone, as far as they go. */
function readFromStart(content: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  let at = 0;
  while (content.readUInt32LE(at) === 0x04034b50) {
    const [flags, method] = [content.readUInt16LE(at + 6), content.readUInt16LE(at + 8)];
    const [packed, name, extra] = [
      content.readUInt32LE(at + 18),
      content.readUInt16LE(at + 26),
      content.readUInt16LE(at + 28),
    ];
    const start = at + 30 + name + extra;
    const data = content.subarray(start, start + packed);
    files.set(content.toString('utf8', at + 30, at + 30 + name), method === 8 ? inflateRawSync(data) : data);
    at = start + packed + ((flags & 8) === 0 ? 0 : descriptorSize(content, start + packed));
  }
  return files;
}

const descriptorSize = (content: Buffer, at: number): number => (content.readUInt32LE(at) === 0x08074b50 ? 16 : 12);

type Change = (content: Buffer) => Buffer;

const at = (content: Buffer, where: number): number => Math.floor(where * content.length);
const fraction = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const hostile = fc.oneof(
  fc.constantFrom(0, 1, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x04034b50, 0x02014b50),
  fc.nat(70_000),
);

/** Positions of all records, whose fields are the most worth lying in. */
function records(content: Buffer): number[] {
  const found: number[] = [];
  for (let from = content.indexOf('PK'); from !== -1; from = content.indexOf('PK', from + 2)) found.push(from);
  return found;
}

const flipped = fc.record({ where: fraction, bit: fc.nat(7) }).map(
  ({ where, bit }): Change =>
    (content) => {
      const copy = Buffer.from(content);
      if (copy.length > 0) copy[at(copy, where)] = (copy[at(copy, where)] ?? 0) ^ (1 << bit);
      return copy;
    },
);
const lying = fc
  .record({ which: fraction, field: fc.integer({ min: 0, max: 46 }), value: hostile, isShort: fc.boolean() })
  .map(
    ({ which, field, value, isShort }): Change =>
      (content) => {
        const copy = Buffer.from(content);
        const all = records(copy);
        const offset = (all[Math.floor(which * all.length)] ?? 0) + field;
        if (offset + 4 > copy.length) return copy;
        if (isShort) copy.writeUInt16LE(value % 65_536, offset);
        else copy.writeUInt32LE(value, offset);
        return copy;
      },
  );
const cut = fraction.map(
  (where): Change =>
    (content) =>
      content.subarray(0, at(content, where)),
);
const removed = fc.record({ where: fraction, size: fc.nat(64) }).map(
  ({ where, size }): Change =>
    (content) => {
      const from = at(content, where);
      return Buffer.concat([content.subarray(0, from), content.subarray(from + size)]);
    },
);
const spliced = fc
  .record({ where: fraction, from: fraction, size: fc.nat(400), other: fc.constantFrom(...corpus) })
  .map(
    ({ where, from, size, other }): Change =>
      (content) => {
        const piece = other.content.subarray(at(other.content, from), at(other.content, from) + size);
        const here = at(content, where);
        return Buffer.concat([content.subarray(0, here), piece, content.subarray(here)]);
      },
  );
/** Directory entries that point into other entries. */
const overlapping = fc.record({ a: fraction, b: fraction }).map(
  ({ a, b }): Change =>
    (content) => {
      const copy = Buffer.from(content);
      const all = records(copy).filter((one) => one + 46 <= copy.length && copy.readUInt32LE(one) === 0x02014b50);
      const [to, from] = [all[Math.floor(a * all.length)], all[Math.floor(b * all.length)]];
      if (to !== undefined && from !== undefined) copy.writeUInt32LE(copy.readUInt32LE(from + 42), to + 42);
      return copy;
    },
);
const changes = fc.array(fc.oneof(flipped, lying, lying, cut, removed, spliced, overlapping), {
  minLength: 1,
  maxLength: 4,
});

describe('mutated bundles', () => {
  let bases: readonly Buffer[];
  beforeAll(async () => {
    const app = await readApp(APP);
    const families = await Promise.all(([1, 2, 3, 4] as const).map((family) => bundleApp(app, { family })));
    bases = [...families.map(({ content }) => Buffer.from(content)), ...corpus.map(({ content }) => content)];
  });

  const mutant = fc.record({ base: fraction, changes });
  const make = (one: { base: number; changes: readonly Change[] }): Buffer =>
    one.changes.reduce((content, change) => change(content), bases[Math.floor(one.base * bases.length)] as Buffer);
  const OUTCOMES = new Set([...corpus.map(({ outcome }) => outcome), 'TOO_LARGE']);

  test('T-23, T-24: refused with a reason or whole; never a crash, a hang or growth', async () => {
    const rss = process.memoryUsage().rss;
    await fc.assert(
      fc.asyncProperty(mutant, async (one) => {
        const start = process.threadCpuUsage();
        expect(OUTCOMES).toContain(await outcomeOf(make(one)));
        const { user, system } = process.threadCpuUsage(start);
        expect((user + system) / 1_000).toBeLessThan(500);
      }),
      { numRuns: 2_000 },
    );
    expect(process.memoryUsage().rss - rss).toBeLessThan(192 * 1024 * 1024);
  }, 60_000);

  test('T-23: who reads an accepted archive from its start finds what its directory tells', async () => {
    await fc.assert(
      fc.asyncProperty(mutant, async (one) => {
        const content = make(one);
        const archive = await readZip(content).catch(() => undefined);
        if (archive === undefined) return;
        const files = readFromStart(content);
        expect([...files.keys()].sort()).toEqual(archive.entries.map(({ name }) => name).sort());
        for (const entry of archive.entries) {
          const pieces: Buffer[] = [];
          try {
            for await (const piece of entry.read()) pieces.push(piece);
          } catch {
            continue;
          }
          expect(files.get(entry.name)?.equals(Buffer.concat(pieces))).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  }, 60_000);
});
