import { join } from 'node:path';
import { findFreeBase } from '../src/dev/ports.ts';
import { DEV_FEDERATION } from '../src/dev/seeds.ts';
import { ECHO_PATH, startEcho } from './echo.ts';
import { openHttp } from './http.ts';
import type { Lab } from './lab.ts';
import { firstPage, LIST_PATH, type ListServer, type Target } from './listing.ts';
import type { Plane } from './plane.ts';
import { insertRuns, openReader } from './rows.ts';
import { type SuperLink, startSuperLink } from './superlink.ts';
import { HTTP_CONNECTIONS, LARGEST_PAGE, type TranslatorOptions } from './translators.ts';
import { logIn, logInWithFlwr, type User } from './users.ts';

const MANY_RUNS = 10_000;
const FEW_RUNS = 20;

/** Two SuperLinks, two control planes, and people with runs of theirs. */
export interface Scene {
  readonly engines: { readonly alone: SuperLink; readonly behind: SuperLink };
  /** As it is by default, before an engine. */
  readonly cached: Plane;
  /** With `[openfga] cache = "0s"` and no engine. */
  readonly uncached: Plane;
  /** Owner of many runs, at each control plane. */
  readonly alice: { readonly cached: User; readonly uncached: User };
  /** Owner of a page of runs, logged in with fedctl and with flwr. */
  readonly bob: User;
  /** Owner of the largest page of runs that are under way. */
  readonly carol: User;
  /** Ids of their runs, newest first. */
  readonly ids: Readonly<Record<'cached' | 'uncached' | 'bob', readonly bigint[]>>;
}

export async function openScene(lab: Lab, progress: (line: string) => void): Promise<Scene> {
  progress('Starting two SuperLinks');
  const engines = { alone: await superLink(lab, 'alone'), behind: await superLink(lab, 'behind') };
  progress('Starting two control planes');
  const cached = await lab.plane({ name: 'cached', cache: '5s', engine: engines.behind.address });
  const uncached = await lab.plane({ name: 'uncached', cache: '0s' });
  await Promise.all([cached.start(), uncached.start()]);
  const user = (name: string, { address }: Plane) => ({ ...lab, name, address });
  const alice = {
    cached: await logIn(user('alice', cached)),
    uncached: await logIn(user('alice', uncached)),
  };
  const bob = await logIn(user('bob', cached));
  await logInWithFlwr(user('bob', cached), bob);
  const carol = await logIn(user('carol', cached));
  const insert = (handle: string, { database }: Plane, count: number, areUnderWay = false) =>
    insertRuns({ database, handle, count, areUnderWay, federation: DEV_FEDERATION, now: Date.now() });
  const ids = {
    cached: await insert('alice', cached, MANY_RUNS),
    uncached: await insert('alice', uncached, MANY_RUNS),
    bob: await insert('bob', cached, FEW_RUNS),
  };
  await insert('carol', cached, LARGEST_PAGE, true);
  return { engines, cached, uncached, alice, bob, carol, ids };
}

async function superLink(lab: Lab, name: string): Promise<SuperLink> {
  const folder = join(lab.folder, `engine-${name}`);
  const link = await startSuperLink({ folder, flowerBin: lab.flowerBin, port: await findFreeBase() });
  lab.atEnd(() => link.stop());
  return link;
}

/** The servers that are asked for a page, and the page that each must answer. */
export async function openListTargets(lab: Lab, { alice, cached, uncached, ids }: Scene) {
  const target = (plane: Plane, user: User): Target => ({
    connections: lab.connect({ address: plane.address }),
    pid: plane.pid(),
    path: LIST_PATH,
    headers: user.headers(),
  });
  const planes = { cached: target(cached, alice.cached), uncached: target(uncached, alice.uncached) };
  const page = await firstPage(planes.cached, ids.cached);
  const echo = await startEcho({ ...lab, answer: page });
  lab.atEnd(() => echo.stop());
  const connections = lab.connect({ address: echo.address });
  const targets: Record<ListServer, Target> = {
    echo: { ...planes.cached, connections, pid: echo.pid, path: ECHO_PATH },
    ...planes,
  };
  const pages: Record<ListServer, Buffer> = {
    echo: page,
    cached: page,
    uncached: await firstPage(planes.uncached, ids.uncached),
  };
  return { targets, pages };
}

/** Owners of runs that have ended, and of runs that have not, with every way to ask for them. */
export async function openTranslators(lab: Lab, { alice, carol, cached }: Scene): Promise<TranslatorOptions> {
  const http = openHttp({ address: cached.httpAddress, ca: lab.facts.ca, count: HTTP_CONNECTIONS });
  lab.atEnd(() => http.close());
  const listed = async (user: User, handle: string) => {
    const reader = await openReader({ database: cached.database, handle });
    lab.atEnd(() => reader.close());
    return { headers: user.headers(), newest: reader.newest };
  };
  return {
    pid: cached.pid(),
    connections: { grpc: lab.connect({ address: cached.address }), http },
    listed: { ended: await listed(alice.cached, 'alice'), 'under way': await listed(carol, 'carol') },
  };
}
