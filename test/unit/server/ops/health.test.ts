import { describe, expect, test } from '@jest/globals';
import { AppError } from '../../../../src/core/errors.ts';
import { createHealth, type Probe } from '../../../../src/server/ops/health.ts';

const well = async () => {};
const probe = (name: Probe['name'], essential: boolean, ask: Probe['probe']): Probe => ({
  name,
  essential,
  probe: ask,
});

describe('health', () => {
  test('shows public texts only, and is ready while the essential parts are', async () => {
    const health = createHealth({
      probes: [
        probe('store', true, well),
        probe('engine', false, () => Promise.reject(new AppError('UNAVAILABLE', 'X', 'The engine is away.'))),
        probe('identity-provider', false, () => Promise.reject(new Error('password=hunter2'))),
      ],
    });
    expect(await health.report()).toEqual({
      ready: true,
      components: [
        { name: 'store', ok: true, detail: '' },
        { name: 'engine', ok: false, detail: 'The engine is away.' },
        { name: 'identity-provider', ok: false, detail: 'Does not work.' },
      ],
    });
  });

  test('F-10: is not ready without an essential part, nor while draining', async () => {
    const down = createHealth({ probes: [probe('openfga', true, () => Promise.reject(new Error('no')))] });
    expect((await down.report()).ready).toBe(false);
    const draining = createHealth({ probes: [probe('store', true, well)] });
    expect((await draining.report()).ready).toBe(true);
    draining.drain();
    expect((await draining.report()).ready).toBe(false);
  });

  test('F-11: a part that never answers is given up at the deadline', async () => {
    const health = createHealth({ probes: [probe('openfga', true, () => new Promise(() => {}))], deadlineMs: 30 });
    expect((await health.report()).components).toEqual([{ name: 'openfga', ok: false, detail: 'No answer in time.' }]);
  });

  test('asks once for many callers, and again when the answer is old', async () => {
    const clock = { at: 0, now: () => clock.at, monotonic: () => clock.at };
    let asked = 0;
    const count = async () => {
      asked += 1;
    };
    const health = createHealth({ probes: [probe('store', true, count)], cacheMs: 5000, clock });
    await Promise.all([health.report(), health.report()]);
    clock.at = 4999;
    await health.report();
    expect(asked).toBe(1);
    clock.at = 5000;
    await health.report();
    expect(asked).toBe(2);
  });
});
