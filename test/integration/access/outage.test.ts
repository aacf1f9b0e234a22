import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { OpenFgaClient } from '@openfga/sdk';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { type Access, createAccess } from '../../../src/server/access/index.ts';
import { startOpenFga, type TestOpenFga } from '../../support/openfga.ts';
import { openTempStore } from '../../support/store.ts';
import { type AccessFixture, can, openAccess, person, recordingLogger, run, until } from './fixture.ts';

const DOWN = { code: 'UNAVAILABLE', reason: 'AUTHORIZATION_UNAVAILABLE' };
const BROKEN = { code: 'UNAVAILABLE', reason: 'AUTHORIZATION_STORE_BROKEN' };
const alice = person('alice');
const OWN = run(1n, 'alice');
const FOREIGN = run(2n, 'bob');

async function withOpenFga(work: (fga: TestOpenFga) => Promise<void>): Promise<void> {
  const fga = await startOpenFga();
  try {
    await work(fga);
  } finally {
    await fga.close();
  }
}

async function withAccess(
  fga: TestOpenFga,
  work: (fixture: AccessFixture) => Promise<void>,
  options = {},
): Promise<void> {
  const fixture = await openAccess(fga, options);
  try {
    await work(fixture);
  } finally {
    await fixture.close();
  }
}

async function expectNoDecision(access: Access, error = DOWN): Promise<void> {
  for (const object of [OWN, FOREIGN]) {
    const question = { subject: alice, right: 'can_stop', object } as const;
    await expect(access.checker.check(question, { fresh: true })).rejects.toMatchObject(error);
    await expect(access.checker.check(question)).rejects.toMatchObject(error);
    await expect(access.checker.checkMany([question, { ...question, right: 'can_log' }])).rejects.toMatchObject(error);
  }
}

describe('OpenFGA away', () => {
  test('F-10: no decision while it is stopped, right ones again by themselves', async () => {
    await withOpenFga((fga) =>
      withAccess(
        fga,
        async ({ access }) => {
          expect(await can(access, alice, 'can_stop', OWN)).toBe(true);
          await fga.stop();
          await expectNoDecision(access);
          await expect(access.grants.grant({ ...VIEWER, until: undefined })).rejects.toMatchObject(DOWN);
          await expect(access.grants.grants({})).rejects.toMatchObject(DOWN);
          await expect(access.probe()).rejects.toMatchObject(DOWN);
          await fga.start();
          expect(await can(access, alice, 'can_stop', OWN)).toBe(true);
          expect(await can(access, alice, 'can_stop', FOREIGN)).toBe(false);
          await access.probe();
        },
        { cacheMs: 0 },
      ),
    );
  }, 60_000);

  test('F-10: a cached decision is not used once the watch has failed for longer than 1.5 s', async () => {
    await withOpenFga((fga) =>
      withAccess(
        fga,
        async ({ access }) => {
          const question = { subject: alice, right: 'can_stop', object: OWN } as const;
          expect(await access.checker.check(question)).toBe(true);
          await fga.stop();
          const outcome = () =>
            access.checker.check(question).then(
              () => 'decided',
              (error) => error.reason,
            );
          const took = await until(async () => (await outcome()) === DOWN.reason);
          expect(took).toBeLessThan(5_000);
        },
        { cacheMs: 60_000 },
      ),
    );
  }, 60_000);

  test('F-10: a server that starts before OpenFGA decides nothing, and starts to by itself', async () => {
    await withOpenFga(async (fga) => {
      await fga.stop();
      await withAccess(fga, async ({ access }) => {
        await expectNoDecision(access);
        await expect(access.probe()).rejects.toMatchObject(DOWN);
        await fga.start();
        await until(async () => (await can(access, alice, 'can_stop', OWN).catch(() => false)) === true);
        expect(await can(access, alice, 'can_stop', FOREIGN)).toBe(false);
      });
    });
  }, 60_000);

  test('F-11: an OpenFGA that does not answer costs one deadline, and nothing queues behind it', async () => {
    await withOpenFga((fga) =>
      withAccess(
        fga,
        async ({ access }) => {
          fga.freeze();
          const begin = performance.now();
          const questions = Array.from({ length: 300 }, (_, index) =>
            can(access, person(`p${index}`), 'can_stop', OWN).then(
              () => 'decided',
              (error) => error.reason,
            ),
          );
          expect(new Set(await Promise.all(questions))).toEqual(new Set([DOWN.reason]));
          expect(performance.now() - begin).toBeLessThan(4_000);
          fga.thaw();
          await until(async () => (await can(access, alice, 'can_stop', OWN).catch(() => false)) === true);
        },
        { deadlineMs: 1_000, cacheMs: 0 },
      ),
    );
  }, 60_000);
});

const VIEWER = { principal: 'user:dev|bob', role: 'viewer', object: 'run:1' };

describe('something else where OpenFGA should be', () => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  let store: Awaited<ReturnType<typeof openTempStore>>;
  beforeAll(async () => {
    store = await openTempStore();
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
    await store.cleanup();
  });

  async function accessTo(answer: (socket: Socket) => void): Promise<Access> {
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      answer(socket);
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    return createAccess({
      url: `http://127.0.0.1:${port}`,
      storeId: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
      storeName: 'none',
      deadlineMs: 300,
      meta: store.store,
      index: store.store,
      clock: systemClock,
      log: silentLogger,
    });
  }

  const reply = (text: string) => (socket: Socket) =>
    socket.on('data', () => socket.end(`${text.replaceAll('\n', '\r\n')}`));

  test.each([
    ['a black hole', () => {}],
    ['one that hangs up', (socket: Socket) => socket.destroy()],
    [
      'one that drips',
      (socket: Socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n');
        const drip = setInterval(() => socket.write(' '), 50);
        socket.on('close', () => clearInterval(drip));
      },
    ],
    ['a web page', reply('HTTP/1.1 200 OK\ncontent-type: text/html\ncontent-length: 15\n\n<h1>allowed</h1>')],
    ['a redirect', reply('HTTP/1.1 307 Moved\nlocation: http://127.0.0.1:9/\ncontent-length: 0\n\n')],
    ['an empty object', reply('HTTP/1.1 200 OK\ncontent-type: application/json\ncontent-length: 2\n\n{}')],
    ['always 500', reply('HTTP/1.1 500 No\ncontent-length: 0\n\n')],
  ])('F-11: %s leads to no decision', async (_, answer) => {
    const access = await accessTo(answer);
    const begin = performance.now();
    await expect(access.probe()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(performance.now() - begin).toBeLessThan(3_000);
    await expectNoDecision(access);
    await access.service.stop();
  });
});

describe('OpenFGA is not what it was', () => {
  test('F-12: a wiped database: not ready with a plain sentence, nothing made anew; ready when it is back', async () => {
    await withOpenFga((fga) =>
      withAccess(
        fga,
        async ({ access, another, storeName }) => {
          await access.probe();
          await fga.wipe();
          await fga.start();
          await expectNoDecision(access);
          await expect(access.probe()).rejects.toMatchObject({
            ...BROKEN,
            message: `OpenFGA no longer has model ${access.modelId()} in store ${access.storeId()}: the store was wiped or replaced.`,
          });
          await expectNoDecision(access, DOWN);

          const restarted = another();
          await restarted.service.start();
          await expect(restarted.probe()).rejects.toMatchObject({
            ...BROKEN,
            message: `OpenFGA has no store ${access.storeId()}: its database was wiped or replaced, or the id is wrong.`,
          });
          const raw = new OpenFgaClient({ apiUrl: fga.url });
          expect((await raw.listStores({ name: storeName })).stores).toEqual([]);

          await fga.restore();
          await fga.start();
          await until(async () => (await can(access, alice, 'can_stop', OWN).catch(() => false)) === true);
          await restarted.probe();
        },
        { cacheMs: 0 },
      ),
    );
  }, 60_000);

  test('T-34: a newer model in the store changes nothing: the pinned one decides', async () => {
    await withOpenFga((fga) =>
      withAccess(fga, async ({ access, another }) => {
        const raw = new OpenFgaClient({ apiUrl: fga.url, storeId: access.storeId() ?? '' });
        await raw.writeAuthorizationModel(PERMISSIVE);
        await access.probe();
        expect(await can(access, alice, 'can_stop', FOREIGN)).toBe(false);
        const restarted = another();
        await restarted.service.start();
        expect(restarted.modelId()).toBe(access.modelId());
        expect(await can(restarted, alice, 'can_stop', FOREIGN)).toBe(false);
      }),
    );
  }, 60_000);

  test('T-34: a pin that leads to a foreign model: not ready', async () => {
    await withOpenFga((fga) =>
      withAccess(fga, async ({ access, another, store }) => {
        const raw = new OpenFgaClient({ apiUrl: fga.url, storeId: access.storeId() ?? '' });
        const foreign = await raw.writeAuthorizationModel(PERMISSIVE);
        const keys = await pins(store.path);
        for (const key of keys) await store.store.setMeta(key, foreign.authorization_model_id);
        const restarted = another();
        await restarted.service.start();
        await expect(restarted.probe()).rejects.toMatchObject(BROKEN);
        await expectNoDecision(restarted, DOWN);
      }),
    );
  }, 60_000);

  test('a model id from the configuration is used if it is ours, and refused if not', async () => {
    await withOpenFga((fga) =>
      withAccess(fga, async ({ access, another }) => {
        const raw = new OpenFgaClient({ apiUrl: fga.url, storeId: access.storeId() ?? '' });
        const foreign = await raw.writeAuthorizationModel(PERMISSIVE);
        const right = another({ modelId: access.modelId() });
        await right.probe();
        await expect(another({ modelId: foreign.authorization_model_id }).probe()).rejects.toMatchObject(BROKEN);
        await expect(another({ modelId: '01ARZ3NDEKTSV4RRFFQ69G5FAV' }).probe()).rejects.toMatchObject(BROKEN);
      }),
    );
  }, 60_000);

  test('two stores of the name: not ready, and says what to set', async () => {
    await withOpenFga(async (fga) => {
      const raw = new OpenFgaClient({ apiUrl: fga.url });
      await raw.createStore({ name: 'twice' });
      const second = await raw.createStore({ name: 'twice' });
      await withAccess(
        fga,
        async ({ access, another }) => {
          await expect(access.probe()).rejects.toMatchObject({
            ...BROKEN,
            message: expect.stringContaining('set the id'),
          });
          const told = another({ storeId: second.id });
          await told.service.start();
          await told.probe();
          expect(told.storeId()).toBe(second.id);
        },
        { storeName: 'twice' },
      );
    });
  }, 60_000);

  test('a question that OpenFGA refuses is an error with an alarm, never "no"', async () => {
    const log = recordingLogger();
    await withOpenFga((fga) =>
      withAccess(
        fga,
        async ({ access, store, storeName }) => {
          expect(access.storeId()).toBeDefined();
          expect(await store.store.meta(`openfga.store/${storeName}`)).toBe(access.storeId());
          await fga.wipe();
          await fga.start();
          await expectNoDecision(access);
          expect(log.errors).toContain('OpenFGA refused a request');
        },
        { log, cacheMs: 0 },
      ),
    );
  }, 60_000);
});

/** Says yes to everybody who has anything to do with an object. */
const PERMISSIVE = {
  schema_version: '1.1',
  type_definitions: [
    { type: 'user', relations: {} },
    {
      type: 'run',
      relations: { can_stop: { this: {} }, can_view: { this: {} } },
      metadata: {
        relations: {
          can_stop: { directly_related_user_types: [{ type: 'user', wildcard: {} }] },
          can_view: { directly_related_user_types: [{ type: 'user', wildcard: {} }] },
        },
      },
    },
  ],
};

/** Names of the pinned models in the database. */
async function pins(path: string): Promise<string[]> {
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare("select name from meta where name like 'openfga.model/%'").all();
  database.close();
  return rows.map((row) => String(row.name));
}
