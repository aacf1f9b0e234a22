import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ListRunsResponse } from '../../src/gen/flwr/proto/control.ts';
import { flowerHttp } from '../../src/server/rpc/wire/flower-http.ts';
import { bearer, PROCEDURES } from '../support/calls.ts';
import { callHttp, type HttpAnswer, openHttp } from '../support/http-wire.ts';
import { invitePeople } from '../support/people.ts';
import { NAMES_NO_RUN, NAMES_RUN } from './privacy-table.ts';
import { sharedStack } from './stack/shared.ts';

const GRPC = '/flwr.proto.Control/';
/** Paths of the HTTPS port for the same procedures. */
const placed = (path: string): string =>
  path
    .replace(GRPC, '/v1/control/')
    .replace(/(?<=[a-z])(?=[A-Z])/g, '-')
    .toLowerCase();

const CASES = NAMES_RUN.filter(({ path }) => path.startsWith(GRPC)).map((call) => ({
  ...call,
  name: placed(call.path),
}));
const NO_RUN = NAMES_NO_RUN.filter((path) => path.startsWith(GRPC)).map(placed);

/** As privacy.test.ts, on the HTTPS port: bob owns a run, carol is a stranger to it. */
describe('privacy over HTTP', () => {
  const stack = sharedStack();
  const people = invitePeople(stack);
  const [owner, stranger] = [people.person('bob'), people.person('carol')];
  const port = Number(new URL(stack.https).port);
  const ca = readFileSync(stack.ca);
  let foreign = 0n;
  /** Nobody's; nearly all its digits are those of the foreign one. */
  let unknown = 0n;
  let owners = '';
  let strangers = '';

  beforeAll(async () => {
    await Promise.all([owner.login(), stranger.login()]);
    foreign = BigInt(await owner.tick({ ticks: 10_000, pause: 0.5 }));
    unknown = foreign - 1n;
    [owners, strangers] = [owner.tokens().access, stranger.tokens().access];
  }, 120_000);

  afterAll(() => people.leave());

  const post = (path: string, body: Uint8Array, access: string) =>
    callHttp({ port, ca, path, body, headers: access ? bearer(access) : {} });

  test('a route in neither table is one that this server does not serve', async () => {
    const known = [...CASES.map(({ name }) => name), ...NO_RUN, '/v1/control/refresh-auth-tokens'];
    expect(flowerHttp.bindings.map(({ path }) => path).filter((path) => !known.includes(path))).toEqual([]);
    for (const path of Object.keys(flowerHttp.unimplemented)) {
      expect({ path, status: (await post(path, Buffer.alloc(0), owners)).status }).toEqual({ path, status: 501 });
    }
  });

  describe.each(CASES)('$name', ({ path, name, request, take }) => {
    const message = (id: bigint) => PROCEDURES.get(path)?.requestSerialize(request(id)) ?? Buffer.alloc(0);

    test('T-35: to a stranger a foreign id is an unknown one, byte for byte', async () => {
      const [seen, imagined] = [
        await post(name, message(foreign), strangers),
        await post(name, message(unknown), strangers),
      ];
      expect(seen.status).toBe(404);
      expect(visible(seen)).toEqual(visible(imagined));
      expect(seen.body.toString('latin1')).not.toContain(String(foreign));
    });

    test('T-35: without a login both are refused alike', async () => {
      const [seen, imagined] = [await post(name, message(foreign), ''), await post(name, message(unknown), '')];
      expect([seen.status, seen.headers['www-authenticate']]).toEqual([401, 'Bearer']);
      expect(visible(seen)).toEqual(visible(imagined));
    });

    test('its owner gets an answer that a stranger does not get', async () => {
      const response = await openHttp({ port, ca, path: name, body: message(foreign), headers: bearer(owners) });
      // The answer goes on with the run: its beginning is enough.
      if (take !== undefined) await once(response, 'data');
      response.destroy();
      expect(response.statusCode).not.toBe(404);
    }, 30_000);
  });

  test('plain lists hold nothing foreign', async () => {
    const [mine, theirs] = [
      await post('/v1/control/list-runs', Buffer.alloc(0), owners),
      await post('/v1/control/list-runs', Buffer.alloc(0), strangers),
    ];
    const listed = ({ body }: HttpAnswer) => [...ListRunsResponse.decode(body).runDict.keys()];
    expect(listed(mine)).toContain(foreign);
    expect([theirs.status, listed(theirs).includes(foreign)]).toEqual([200, false]);
  });
});

/** All that a client sees of an answer, but for its time. */
function visible({ status, headers, body, whole }: HttpAnswer) {
  const { date: _, ...timeless } = headers;
  return { status, headers: timeless, body: body.toString('hex'), whole };
}
