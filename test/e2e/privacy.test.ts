import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, bearer, flowerPair, openWire, PROCEDURES } from '../support/calls.ts';
import { invitePeople } from '../support/people.ts';
import { NAMES_NO_RUN, NAMES_RUN } from './privacy-table.ts';
import { sharedStack } from './stack/shared.ts';

const NOT_SERVED = [...PROCEDURES.keys()].filter(
  (path) => !NAMES_NO_RUN.includes(path) && NAMES_RUN.every((call) => call.path !== path),
);
const CASES = NAMES_RUN.map((call) => ({ name: `${call.path} ${call.way ?? ''}`.trimEnd(), ...call }));
const CREDENTIALS = { bearer: (pair: Pair) => bearer(pair.access), pair: flowerPair };
type Pair = { readonly access: string; readonly refresh: string };

/** bob owns a run, carol is a stranger to it: on the same server, in the same federation, in the same role. */
describe('privacy', () => {
  const stack = sharedStack();
  const people = invitePeople(stack);
  const [owner, stranger] = [people.person('bob'), people.person('carol')];
  const wire = openWire(stack);
  let foreign = 0n;
  /** Nobody's; nearly all its digits are those of the foreign one. */
  let unknown = 0n;
  let owners: Pair;
  let strangers: Pair;

  beforeAll(async () => {
    await Promise.all([owner.login(), stranger.login()]);
    foreign = BigInt(await owner.tick({ ticks: 10_000, pause: 0.5 }));
    unknown = foreign - 1n;
    [owners, strangers] = [owner.tokens(), stranger.tokens()];
  }, 60_000);

  afterAll(() => {
    wire.close();
    people.leave();
  });

  test('a procedure in neither table is one that this server does not serve', async () => {
    for (const path of [...NAMES_NO_RUN, ...NAMES_RUN.map((call) => call.path)]) {
      expect({ path, exists: PROCEDURES.has(path) }).toEqual({ path, exists: true });
    }
    for (const path of NOT_SERVED) {
      const answer = await wire.call(path, { request: Buffer.alloc(0), metadata: bearer(owners.access) });
      // Releases of flwr that don't say which one they are get another code for it.
      const isServed = answer.code !== status.UNIMPLEMENTED && answer.reason !== 'NOT_SERVED';
      expect({ path, isServed }).toEqual({ path, isServed: false });
    }
  });

  describe.each(CASES)('$name', ({ path, request, owner: expected, take }) => {
    const ask = (id: bigint, metadata: Record<string, string>) =>
      wire.call(path, { request: request(id), metadata, ...(take === undefined ? {} : { take }) });

    test.each(['bearer', 'pair'] as const)('T-35: to a stranger a foreign id is an unknown one (%s)', async (kind) => {
      const metadata = CREDENTIALS[kind](strangers);
      const [seen, imagined] = [visible(await ask(foreign, metadata)), visible(await ask(unknown, metadata))];
      expect(seen).toEqual(imagined);
      expect(textOf(seen)).not.toContain(String(foreign));
    });

    test('T-35: without a login both are refused alike', async () => {
      const [seen, imagined] = [await ask(foreign, {}), await ask(unknown, {})];
      expect(seen).toMatchObject({ code: status.UNAUTHENTICATED, messages: [] });
      expect(visible(seen)).toEqual(visible(imagined));
    });

    test('its owner gets an answer that a stranger does not get', async () => {
      const mine = await ask(foreign, bearer(owners.access));
      expect({ code: mine.code, details: mine.details }).toMatchObject({ code: expected });
      expect(visible(mine)).not.toEqual(visible(await ask(foreign, bearer(strangers.access))));
    }, 30_000);
  });

  test('plain lists hold nothing foreign: on both wires, in fedctl and in flwr', async () => {
    // An empty message asks for all on both wires.
    const request = Buffer.alloc(0);
    for (const path of ['/fedctl.v1.Runs/ListRuns', '/flwr.proto.Control/ListRuns']) {
      const [mine, theirs] = [
        await wire.call(path, { request, metadata: bearer(owners.access) }),
        await wire.call(path, { request, metadata: bearer(strangers.access) }),
      ];
      expect(textOf(mine.messages)).toContain(String(foreign));
      expect(theirs.code).toBe(status.OK);
      expect(textOf(theirs.messages)).not.toContain(String(foreign));
    }
    expect((await stranger.fedctl('ls', '--json')).stdout).not.toContain(String(foreign));
    expect((await stranger.flwr.login()).code).toBe(0);
    const listed = await stranger.flwr.cli('ls', '--format', 'json');
    expect(JSON.parse(listed.stdout)).toMatchObject({ success: true });
    expect(listed.stdout).not.toContain(String(foreign));
  }, 60_000);

  test('T-35: an unknown id and a foreign one take the same time', async () => {
    // A mutation: no cache answers for it. Interleaved, so that both share the weather.
    const times = { foreign: [] as number[], unknown: [] as number[] };
    for (let round = 0; round < 100; round += 1) {
      for (const kind of round % 2 ? (['foreign', 'unknown'] as const) : (['unknown', 'foreign'] as const)) {
        const runId = kind === 'foreign' ? foreign : unknown - BigInt(round);
        const answer = await wire.call('/fedctl.v1.Runs/StopRun', {
          request: { runId },
          metadata: bearer(strangers.access),
        });
        expect(answer.code).toBe(status.NOT_FOUND);
        times[kind].push(answer.milliseconds);
      }
    }
    // Without the two questions to OpenFGA, an answer would come several times as fast.
    const ratio = median(times.foreign) / median(times.unknown);
    expect(ratio).toBeGreaterThan(0.6);
    expect(ratio).toBeLessThan(1.67);
  }, 60_000);
});

/** All that a client sees of an answer, but for its request id and the server's clock. */
function visible({ code, details, trailer, headers, messages }: Answer) {
  const timeless = messages.map((message) => ({ ...(message as object), now: '' }));
  return { code, details, trailer, headers, messages: timeless };
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, part) => {
    if (part instanceof Map) return [...part.entries()];
    return typeof part === 'bigint' ? String(part) : part;
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
