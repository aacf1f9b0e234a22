import { describe, expect, test } from '@jest/globals';
import { wireScalar } from '../../../src/core/scalars.ts';
import { fromWireRun } from '../../../src/flower/runs.ts';
import { toSimulationConfig } from '../../../src/flower/values.ts';
import { Run } from '../../../src/gen/flwr/proto/run.ts';

const wireRun = (fields: Partial<Run> = {}): Run => ({
  ...Run.decode(new Uint8Array()),
  runId: 7n,
  fabHash: 'ABCD',
  pendingAt: '2026-01-02T03:04:05.678901+00:00',
  status: { status: 'running', subStatus: '', details: '' },
  ...fields,
});
const status = (status: string, subStatus: string, details = '') => ({ status: { status, subStatus, details } });

describe('a run from the wire', () => {
  test.each([
    ['pending', '', 'pending'],
    ['starting', '', 'starting'],
    ['running', '', 'running'],
    ['finished', 'completed', 'finished:completed'],
    ['finished', 'failed', 'finished:failed'],
    ['finished', 'stopped', 'finished:stopped'],
  ])('%s:%s', (main, sub, expected) => {
    expect(fromWireRun(wireRun(status(main, sub))).status).toBe(expected);
  });

  test.each([
    ['finished', ''],
    ['paused', ''],
    ['', ''],
    ['constructor', ''],
    ['running', 'completed'],
  ])('F-24: "%s:%s" is no status of a SuperLink', (main, sub) => {
    expect(() => fromWireRun(wireRun(status(main, sub)))).toThrow('unknown run status');
  });

  test('F-24: no id, a time that is none', () => {
    expect(() => fromWireRun(wireRun({ runId: 0n }))).toThrow('without an id');
    expect(() => fromWireRun(wireRun({ pendingAt: 'yesterday' }))).toThrow('unreadable time');
  });

  test('T-36: ids keep all 64 bits; times are epoch milliseconds; "" is not reached', () => {
    const id = 2n ** 64n - 1n;
    const run = fromWireRun(wireRun({ runId: id }));
    expect(run).toMatchObject({
      id,
      pendingAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      finishedAt: undefined,
      bundleSha256: 'abcd',
    });
  });

  test('T-21: details are one line without control characters, of bounded length', () => {
    const details = `a\u001b]0;title\u0007\r\nb\u202ec\u200b${'x'.repeat(10_000)}`;
    const run = fromWireRun(wireRun(status('finished', 'failed', details)));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
    expect(run.details).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e\u200b]/);
    expect(run.details.length).toBeLessThanOrEqual(500);
  });
});

describe('to the wire', () => {
  test('each scalar in the field that flwr uses: integers as sint64, floats as double', () => {
    expect(wireScalar(3n)).toMatchObject({ sint64: 3n, double: undefined });
    expect(wireScalar(3)).toMatchObject({ double: 3, sint64: undefined });
    expect(wireScalar(false)).toMatchObject({ bool: false });
    expect(wireScalar('')).toMatchObject({ string: '' });
    expect(wireScalar(new Uint8Array([1]))).toMatchObject({ bytes: Buffer.from([1]) });
  });

  test("federation options: flwr's keys, checked; nothing for none", () => {
    expect(toSimulationConfig({})).toBeUndefined();
    const options = { 'num-supernodes': 10n, 'client-resources-num-gpus': 0.5, backend: 'ray', verbose: true };
    expect(toSimulationConfig(options)).toEqual({
      numSupernodes: 10,
      clientResourcesNumGpus: 0.5,
      backend: 'ray',
      verbose: true,
    });
    for (const bad of [
      { 'num-supernodes': -1n },
      { 'num-supernodes': 1.5 },
      { nonsense: 1n },
      { backend: 1n },
      { constructor: 1n },
    ]) {
      expect(() => toSimulationConfig(bad as never)).toThrow(
        expect.objectContaining({ reason: 'FEDERATION_CONFIG_INVALID' }),
      );
    }
  });
});
