import { describe, expect, test } from '@jest/globals';
import * as fedctl from '../../../src/gen/fedctl/v1/runs.ts';
import * as flower from '../../../src/gen/flwr/proto/control.ts';
import type { Binding, Wire } from '../../../src/server/rpc/wire/binding.ts';
import { fedctlV1 } from '../../../src/server/rpc/wire/fedctl-v1.ts';
import { flowerControl } from '../../../src/server/rpc/wire/flower-control.ts';
import { aRun } from './fakes.ts';

const NOW = Date.UTC(2030, 0, 2, 3, 4, 5, 6);

function listing({ bindings }: Wire): Binding<'runs.list'> {
  const found = bindings.find(({ method }) => method === 'runs.list');
  if (!found) throw new Error('this wire lists no runs');
  return found as unknown as Binding<'runs.list'>;
}

function encoded(wire: Wire, runs: readonly { run: ReturnType<typeof aRun>; mine: boolean }[]): Uint8Array {
  return listing(wire).encode({ runs, nextCursor: 'next', now: NOW }, { get: () => [] }) as Uint8Array;
}

describe('a page of runs, each encoded once', () => {
  const [first, second] = [aRun({ key: 'a', id: 1n }), aRun({ key: 'b', id: 2n, finishedAt: NOW })];

  test('is the message that it would be at once', () => {
    const page = encoded(
      fedctlV1,
      [first, second].map((run) => ({ run, mine: true })),
    );
    const message = fedctl.ListRunsResponse.decode(page);
    expect(message).toMatchObject({ nextCursor: 'next', now: '2030-01-02T03:04:05.006Z' });
    expect(message.runs.map(({ runId, finishedAt }) => [runId, finishedAt])).toEqual([
      [1n, ''],
      [2n, '2030-01-02T03:04:05.006Z'],
    ]);
    expect(Buffer.from(fedctl.ListRunsResponse.encode(message).finish())).toEqual(Buffer.from(page));
    expect(encoded(fedctlV1, [])).toEqual(
      Buffer.from(fedctl.ListRunsResponse.encode({ runs: [], nextCursor: 'next', now: message.now }).finish()),
    );
  });

  test('tells the request id to the owner only, whoever asked first', () => {
    const shared = aRun({ key: 'shared' });
    const asked = [true, false, true, false].map((mine) => {
      const [run] = fedctl.ListRunsResponse.decode(encoded(fedctlV1, [{ run: shared, mine }])).runs;
      return [run?.mine, run?.requestId];
    });
    expect(asked).toEqual([
      [true, 'request-1'],
      [false, ''],
      [true, 'request-1'],
      [false, ''],
    ]);
  });

  test('a row that was read anew is encoded anew', () => {
    const statuses = (['running', 'finished:completed'] as const).map((status) => {
      const page = encoded(fedctlV1, [{ run: aRun({ key: 'a', status }), mine: true }]);
      return fedctl.ListRunsResponse.decode(page).runs[0]?.status;
    });
    expect(statuses).toEqual(['running', 'finished:completed']);
  });

  test("on Flower's wire: a map by id", () => {
    for (const mine of [true, false]) {
      const message = flower.ListRunsResponse.decode(
        encoded(
          flowerControl,
          [first, second].map((run) => ({ run, mine })),
        ),
      );
      expect([...message.runDict].map(([id, run]) => [id, run.runId, run.finishedAt])).toEqual([
        [1n, 1n, ''],
        [2n, 2n, '2030-01-02T03:04:05.006000+00:00'],
      ]);
      expect(message.now).toBe('2030-01-02T03:04:05.006000+00:00');
    }
  });
});
