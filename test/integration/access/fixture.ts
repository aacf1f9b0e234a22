import { randomUUID } from 'node:crypto';
import type { AccessObject, Right, Subject } from '../../../src/core/access.ts';
import type { Clock } from '../../../src/core/clock.ts';
import { systemClock } from '../../../src/core/clock.ts';
import type { Logger } from '../../../src/core/log.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { type Access, type AccessOptions, createAccess } from '../../../src/server/access/index.ts';
import type { TestOpenFga } from '../../support/openfga.ts';
import { openTempStore, type TempStore } from '../../support/store.ts';

export interface AccessFixture {
  readonly access: Access;
  readonly store: TempStore;
  readonly storeName: string;
  /** Names of the calls for decisions to OpenFGA so far. */
  readonly calls: string[];
  /** A second server on the same OpenFGA store and database. */
  another(options?: Partial<AccessOptions>): Access;
  close(): Promise<void>;
}

/** Deadlines of the tests are wide, so that a busy machine does not fail what is not about time. */
const DEADLINE_MS = 15_000;

export async function openAccess(
  fga: Pick<TestOpenFga, 'url'>,
  options: Partial<AccessOptions> = {},
): Promise<AccessFixture> {
  const store = await openTempStore();
  const storeName = `test-${randomUUID()}`;
  const calls: string[] = [];
  const opened: Access[] = [];
  const open = (more: Partial<AccessOptions>): Access => {
    const access = createAccess({
      url: fga.url,
      storeName,
      deadlineMs: DEADLINE_MS,
      meta: store.store,
      index: store.store,
      clock: systemClock,
      log: silentLogger,
      observe: ({ name }) => {
        if (name === 'Check' || name === 'BatchCheck') calls.push(name);
      },
      ...options,
      ...more,
    });
    opened.push(access);
    return access;
  };
  const access = open({});
  await access.service.start();
  return {
    access,
    store,
    storeName,
    calls,
    another: (more = {}) => open(more),
    close: async () => {
      for (const one of opened) await one.service.stop();
      await store.cleanup();
    },
  };
}

export function person(name: string, groups: readonly string[] = []): Subject {
  return { principal: `user:dev|${name}`, issuerAlias: 'dev', groups };
}

export function run(id: bigint, owner: string, federation = '@dev/default'): AccessObject {
  return { type: 'run', id, owner: `user:dev|${owner}`, federation };
}

export async function can(access: Access, subject: Subject, right: Right, object: AccessObject): Promise<boolean> {
  return access.checker.check({ subject, right, object }, { fresh: true });
}

/** A clock that tests move. */
export function movableClock(start = Date.now()): Clock & { advance(ms: number): void } {
  let offset = start - Date.now();
  return {
    now: () => Date.now() + offset,
    monotonic: () => performance.now(),
    advance: (ms) => {
      offset += ms;
    },
  };
}

/** Waits until `condition` holds; the milliseconds that it took. */
export async function until(condition: () => Promise<boolean>, ms = 20_000): Promise<number> {
  const begin = performance.now();
  while (!(await condition())) {
    if (performance.now() - begin > ms) throw new Error(`not true within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - begin;
}

/** Keeps what was logged as errors. */
export function recordingLogger(): Logger & { readonly errors: string[] } {
  const errors: string[] = [];
  const log = { ...silentLogger, errors, error: (_: object, message: string) => void errors.push(message) };
  return { ...log, child: () => log as unknown as Logger };
}
