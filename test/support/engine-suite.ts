import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Engine, EngineRun, EngineSubmit } from '../../src/core/engine.ts';
import { isFinal } from '../../src/core/runs.ts';
import { newSshKey } from './ssh-key.ts';
import type { TestSuperLink } from './superlink.ts';
import { collect, until } from './until.ts';
import { fixtureBundle } from './zip.ts';

const APP = new URL('../fixtures/tinyapp', import.meta.url).pathname;
const never = new AbortController().signal;

/** What an engine's test brings: a real SuperLink with two SuperNodes, and an adapter for it. */
export interface EngineUnderTest {
  readonly link: TestSuperLink;
  open(): Promise<Engine>;
}

/** A submit of the tiny app; `salt` makes it another bundle. */
export function tinySubmit(salt: string, runConfig: EngineSubmit['runConfig'] = {}): EngineSubmit {
  const bundle = fixtureBundle(APP, salt);
  return { bundle, bundleSha256: createHash('sha256').update(bundle).digest('hex'), runConfig, federationConfig: {} };
}

/** The definition of an engine: each adapter runs it against the real thing. */
export function describeEngine(name: string, setUp: () => Promise<EngineUnderTest>): void {
  describe(`engine ${name}`, () => {
    let peer: EngineUnderTest;
    let engine: Engine;

    beforeAll(async () => {
      peer = await setUp();
      engine = await peer.open();
    }, 120_000);
    afterAll(async () => {
      await engine?.close();
      await peer?.link.close();
    }, 60_000);

    const seen = async (id: bigint): Promise<EngineRun | undefined> => (await engine.listRuns(id))[0];
    const finished = (id: bigint) =>
      until(async () => {
        const run = await seen(id);
        return run !== undefined && isFinal(run.status) ? run : undefined;
      }, 120_000);

    test('answers a probe', async () => {
      await expect(engine.probe()).resolves.toBeUndefined();
    });

    test('tells an unknown run by an empty list, and NOT_FOUND where a run must be', async () => {
      await expect(engine.listRuns(123_456_789n)).resolves.toEqual([]);
      await expect(engine.stopRun(123_456_789n)).rejects.toMatchObject({ code: 'NOT_FOUND', reason: 'RUN_NOT_FOUND' });
      const lines = engine.streamLogs(123_456_789n, 0, never);
      await expect(collect(lines)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    test('runs an app with its configuration, and gives its whole log in order', async () => {
      const submit = tinySubmit('whole log', { rounds: 2n, lines: 4n, pause: 0.05 });
      const before = Date.now();
      const id = await engine.startRun(submit, never);
      const log = (await collect(engine.streamLogs(id, 0, never))).map((piece) => piece.text).join('');
      const run = await finished(id);
      expect(run).toMatchObject({
        id,
        bundleSha256: submit.bundleSha256,
        status: 'finished:completed',
        appVersion: '0.3.0',
      });
      expect(run.app).toContain('fixture/tinyapp');
      expect(run.pendingAt).toBeGreaterThanOrEqual(before - 1_000);
      expect(run.finishedAt).toBeGreaterThanOrEqual(run.runningAt ?? Number.POSITIVE_INFINITY);
      expect(log.match(/line \d{5}/g)).toEqual(
        Array.from({ length: 8 }, (_, i) => `line ${String(i + 1).padStart(5, '0')}`),
      );
      expect(log).toContain('round 2 of 2: 2 replies');
      expect(log).toContain('é✓');
    }, 150_000);

    test('goes on with a log after a timestamp, with no gap and no duplicate', async () => {
      const id = await engine.startRun(tinySubmit('resume', { rounds: 0n, lines: 30n, pause: 0.1 }), never);
      let text = '';
      let timestamp = 0;
      let streams = 0;
      for (let isWhole = false; !isWhole; streams += 1) {
        const cut = new AbortController();
        isWhole = true;
        try {
          for await (const piece of engine.streamLogs(id, timestamp, cut.signal)) {
            text += piece.text;
            timestamp = piece.timestamp;
            if (streams < 4) cut.abort();
          }
        } catch (error) {
          expect(error).toMatchObject({ code: 'CANCELLED' });
          isWhole = false;
        }
      }
      expect(streams).toBeGreaterThan(2);
      expect(text.match(/line \d{5}/g)).toEqual(
        Array.from({ length: 30 }, (_, i) => `line ${String(i + 1).padStart(5, '0')}`),
      );
    }, 150_000);

    test('stops a run once; a finished one it refuses', async () => {
      const id = await engine.startRun(tinySubmit('stop', { rounds: 0n, lines: 10_000n, pause: 0.1 }), never);
      await until(async () => (await seen(id))?.status === 'running', 60_000);
      await engine.stopRun(id);
      await expect(finished(id)).resolves.toMatchObject({ status: 'finished:stopped' });
      await expect(engine.stopRun(id)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'ENGINE_REFUSED' });
    }, 120_000);

    test('tells a failed run with what the app said', async () => {
      const id = await engine.startRun(tinySubmit('fails', { rounds: 0n, lines: 1n, fail: true }), never);
      const run = await finished(id);
      expect(run.status).toBe('finished:failed');
      expect(run.details).toContain('told to fail');
    }, 120_000);

    test('refuses what is no app, and a configuration key that the app does not have', async () => {
      const submit = tinySubmit('refused', { 'no-such-key': 1n });
      await expect(engine.startRun(submit, never)).rejects.toMatchObject({
        reason: 'ENGINE_REFUSED',
        // From 1.33 on it does not name the key any more.
        message: expect.stringMatching(/no-such-key|run config/i),
      });
      const tooLarge = { ...submit, bundle: Buffer.alloc(10 * 1024 * 1024 + 1) };
      await expect(engine.startRun(tooLarge, never)).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        reason: 'ENGINE_REFUSED',
      });
    });

    test('lists all runs', async () => {
      const id = await engine.startRun(tinySubmit('listed', { rounds: 0n, lines: 0n }), never);
      const ids = (await engine.listRuns()).map((run) => run.id);
      expect(ids).toContain(id);
      expect(ids.length).toBeGreaterThan(2);
      await finished(id);
    }, 90_000);

    test('tells the family of bundles that its release builds', async () => {
      await expect(engine.bundleFamily()).resolves.toBe(4);
    });

    test('knows its SuperNodes; takes in another one by its key, once, and lets it go', async () => {
      const online = await until(async () => {
        const nodes = (await engine.listNodes()).filter(({ status }) => status === 'online');
        return nodes.length === 2 && nodes;
      }, 60_000);
      for (const node of online) {
        expect(node.registeredAt).toBeGreaterThan(Date.now() - 600_000);
        expect(node.onlineUntil).toBeGreaterThan(Date.now() - 60_000);
        expect(node.heartbeatInterval).toBeGreaterThan(0);
      }
      const registration = { publicKey: Buffer.from(newSshKey('P-384').pem), name: '', location: '' };
      const id = await engine.registerNode(registration);
      expect((await engine.listNodes()).find((node) => node.id === id)).toMatchObject({
        status: 'registered',
        publicKey: expect.anything(),
      });
      await expect(engine.registerNode(registration)).rejects.toMatchObject({ reason: 'NODE_KEY_TAKEN' });
      const noKey = { ...registration, publicKey: Buffer.from('no key') };
      await expect(engine.registerNode(noKey)).rejects.toMatchObject({ reason: 'NODE_KEY_INVALID' });
      await engine.unregisterNode(id);
      const left = (await engine.listNodes()).find((node) => node.id === id);
      expect([undefined, 'unregistered']).toContain(left?.status);
      await expect(engine.unregisterNode(12_345n)).rejects.toMatchObject({
        code: 'NOT_FOUND',
        reason: 'NODE_NOT_FOUND',
      });
    }, 90_000);

    /** Reads until some lines are there; what came, and how it goes on. */
    async function readUntilBroken(id: bigint, strike: () => Promise<void>) {
      let text = '';
      let timestamp = 0;
      let struck: Promise<void> | undefined;
      let failure: unknown;
      try {
        for await (const piece of engine.streamLogs(id, 0, never)) {
          text += piece.text;
          timestamp = piece.timestamp;
          if (text.includes('line 00005')) struck ??= strike();
        }
      } catch (error) {
        failure = error;
      }
      await struck;
      return { text, timestamp, failure };
    }

    test.each(['SIGKILL', 'SIGTERM'] as const)(
      'F-21: restarted in the middle of a log (%s): the stream says that it broke, and is taken up again without gap or repetition',
      async (signal) => {
        const id = await engine.startRun(
          tinySubmit(`restart ${signal}`, { rounds: 0n, lines: 200n, pause: 0.1 }),
          never,
        );
        const first = await readUntilBroken(id, async () => {
          await peer.link.kill(signal);
          const start = performance.now();
          // The first question may still go out on the connection that has just died; the next one finds nobody.
          await expect(engine.probe()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
          await expect(engine.probe()).rejects.toMatchObject({ reason: 'ENGINE_UNREACHABLE' });
          expect(performance.now() - start).toBeLessThan(8_000);
          await peer.link.start();
        });
        // An end without a failure would say that this was the whole log: only if the engine itself had ended the run.
        if (first.failure !== undefined || signal === 'SIGKILL') {
          expect(first.failure).toMatchObject({ code: 'UNAVAILABLE', reason: 'ENGINE_UNAVAILABLE' });
        }
        // It notices by itself that the app is gone, but only after a minute.
        await engine.stopRun(id).catch((error: unknown) => expect(error).toMatchObject({ reason: 'ENGINE_REFUSED' }));
        const run = await finished(id);
        expect(run.status).not.toBe('finished:completed');
        const rest = (await collect(engine.streamLogs(id, first.timestamp, never))).map((piece) => piece.text);
        const whole = (await collect(engine.streamLogs(id, 0, never))).map((piece) => piece.text).join('');
        expect(first.text + rest.join('')).toBe(whole);
        expect(whole).toContain('line 00005');
      },
      180_000,
    );

    test('F-22: without its state it knows no run, and says so; it runs new ones', async () => {
      const id = await engine.startRun(tinySubmit('forgotten', { rounds: 0n, lines: 0n }), never);
      await finished(id);
      await peer.link.kill();
      peer.link.wipe();
      await peer.link.start();
      await expect(engine.listRuns(id)).resolves.toEqual([]);
      await expect(engine.listRuns()).resolves.toEqual([]);
      await expect(engine.stopRun(id)).rejects.toMatchObject({ reason: 'RUN_NOT_FOUND' });
      await expect(collect(engine.streamLogs(id, 0, never))).rejects.toMatchObject({ reason: 'RUN_NOT_FOUND' });
      const next = await engine.startRun(tinySubmit('forgotten', { rounds: 0n, lines: 0n }), never);
      expect(next).not.toBe(id);
      await finished(next);
    }, 180_000);
  });
}
