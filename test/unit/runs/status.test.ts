import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { EngineRun } from '../../../src/core/engine.ts';
import { isFinal, RUN_STATUSES, type Run } from '../../../src/core/runs.ts';
import { checkTomlShape } from '../../../src/core/toml-shape.ts';
import { characterStart, cutText } from '../../../src/server/runs/log-text.ts';
import { isForward, reasonFor, updateFrom } from '../../../src/server/runs/status.ts';

const ENGINE_STATUSES = RUN_STATUSES.filter((status) => status !== 'submitting' && status !== 'lost');
const row = (fields: Partial<Run>) => ({ status: 'pending', ...fields }) as Run;
const seen = (fields: Partial<EngineRun>) => ({ status: 'pending', details: '', ...fields }) as EngineRun;

describe('status', () => {
  test('I6: whatever an engine says, in any order, a row only moves forward', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...ENGINE_STATUSES), { maxLength: 30 }), (told) => {
        let now: Run = row({ status: 'submitting' });
        for (const status of told) {
          const next = { ...now, ...updateFrom(now, seen({ status: status as EngineRun['status'] })) };
          expect(next.status === now.status || isForward(now.status, next.status)).toBe(true);
          if (isFinal(now.status)) expect(next).toEqual(now);
          now = next;
        }
      }),
    );
  });

  test('each status has a sentence; what the engine says comes first', () => {
    for (const status of RUN_STATUSES) expect(reasonFor(status)).toMatch(/^[A-Z].*\.$/);
    expect(reasonFor('finished:failed', 'boom')).toBe('boom');
  });

  test('nothing new is no update; a time that was missed is filled in', () => {
    expect(
      updateFrom(row({ status: 'running', runningAt: 5 }), seen({ status: 'running', runningAt: 6 })),
    ).toBeUndefined();
    const update = updateFrom(row({ status: 'pending' }), seen({ status: 'running', startingAt: 4, runningAt: 5 }));
    expect(update).toEqual({ status: 'running', reason: 'The app is running.', startingAt: 4, runningAt: 5 });
  });
});

describe('log text', () => {
  test('a cut log is never longer than its limit and one marker, and holds whole characters only', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(50), fc.nat(60), (text, size, max) => {
        const piece = cutText(text, size, max);
        expect(piece.cut).toBe(size + Buffer.byteLength(text) > max);
        if (!piece.cut) expect(piece.text).toBe(text);
        else {
          const kept = piece.text.slice(0, piece.text.indexOf('[fedctl]')).replace(/\n$/, '');
          expect(text.startsWith(kept)).toBe(true);
          expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(Math.max(0, max - size));
        }
      }),
    );
  });

  test('a character starts at each offset that is found', () => {
    const bytes = Buffer.from('aé✓😀');
    expect([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((at) => characterStart(bytes, at))).toEqual([
      0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10,
    ]);
  });
});

describe('shape of TOML', () => {
  test('brackets and dots in strings and comments do not count', () => {
    const deep = '['.repeat(100);
    const dots = 'a.'.repeat(100);
    for (const text of [
      `a = "${deep}${dots}"`,
      `a = '${deep}'`,
      `a = """\n${deep}\n"${dots}"""`,
      `# ${deep}${dots}`,
      `a = '''\n'${deep}'''`,
    ]) {
      expect([text, checkTomlShape(text)]).toEqual([text, undefined]);
    }
    expect(checkTomlShape(`a = "x\\"" # "\nb = ${deep}`)).toEqual({ kind: 'deep', line: 2 });
    expect(checkTomlShape(`a = 'x\\'\nb = ${deep}`)).toEqual({ kind: 'deep', line: 2 });
    expect(checkTomlShape(`a = [${'1.5, '.repeat(500)}]`)).toBeUndefined();
  });
});
