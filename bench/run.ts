/** `npm run bench`: measures the built fedctl and writes docs/benchmarks.md. Needs Linux; takes some minutes. */
import { writeFileSync } from 'node:fs';
import { findFreeBase } from '../src/dev/ports.ts';
import { DEV_FEDERATION } from '../src/dev/seeds.ts';
import { endChildrenAtExit } from './children.ts';
import { measureCli } from './cli.ts';
import { ECHO_PATH, startEcho } from './echo.ts';
import { type Lab, openLab } from './lab.ts';
import { firstPage, listPath, measureListing } from './listing.ts';
import { openConnections } from './load.ts';
import type { Plane } from './plane.ts';
import { renderReport } from './report.ts';
import { insertRuns } from './rows.ts';
import { median } from './stats.ts';
import { measureSubmits } from './submits.ts';
import { startSuperLink } from './superlink.ts';
import { rssMiB } from './usage.ts';
import { logIn, logInWithFlwr } from './users.ts';

const REPORT = new URL('../docs/benchmarks.md', import.meta.url).pathname;
const MANY_RUNS = 10_000;
const FEW_RUNS = 20;
const STARTS = 3;
const CONNECTIONS = 4;

const begun = performance.now();
const progress = (line: string): void => {
  process.stderr.write(`${((performance.now() - begun) / 1000).toFixed(0).padStart(4)} s  ${line}\n`);
};

endChildrenAtExit();
const lab = await openLab(progress);
try {
  const report = renderReport(await measure(lab));
  if (process.argv.includes('--dry')) process.stdout.write(report);
  else writeFileSync(REPORT, report);
} finally {
  await lab.close();
}
// A keep-alive socket to the identity provider may linger.
process.exit();

async function measure(lab: Lab) {
  progress('Starting two SuperLinks');
  const engines = { alone: await superLink('engine-alone'), behind: await superLink('engine-behind') };
  progress('Starting two control planes');
  const warm = await lab.plane({ name: 'warm', cache: '5s', engine: engines.behind.address });
  const uncached = await lab.plane({ name: 'uncached', cache: '0s' });
  await Promise.all([warm.start(), uncached.start()]);
  const user = (name: string, { address }: Plane) => logIn({ ...lab, name, address });
  const alice = { warm: await user('alice', warm), uncached: await user('alice', uncached) };
  const bob = await user('bob', warm);
  await logInWithFlwr({ ...lab, name: 'bob', address: warm.address }, bob);
  const insert = (handle: string, { database }: Plane, count: number) =>
    insertRuns({ database, handle, count, federation: DEV_FEDERATION, now: Date.now() });
  const ids = {
    warm: await insert('alice', warm, MANY_RUNS),
    uncached: await insert('alice', uncached, MANY_RUNS),
    bob: await insert('bob', warm, FEW_RUNS),
  };

  progress('Starting the control plane again and again');
  const startMs = [];
  for (let start = 0; start < STARTS; start += 1) {
    await warm.stop();
    startMs.push(await warm.start());
  }
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const idleMiB = rssMiB(warm.pid());

  progress('Command line');
  const cli = await measureCli(bob, ids.bob);

  progress('ListRuns');
  const open = (address: string, ca: string | undefined = lab.facts.ca, count = CONNECTIONS) => {
    const connections = openConnections({ address, ca, count });
    lab.atEnd(() => connections.close());
    return connections;
  };
  const target = (name: 'warm' | 'uncached', plane: Plane) => ({
    connections: open(plane.address),
    pid: plane.pid(),
    path: listPath,
    headers: alice[name].headers(),
  });
  const planes = { warm: target('warm', warm), uncached: target('uncached', uncached) };
  const pages = {
    warm: await firstPage(planes.warm.connections, planes.warm.headers, ids.warm),
    uncached: await firstPage(planes.uncached.connections, planes.uncached.headers, ids.uncached),
  };
  const echo = await startEcho({ ...lab, answer: pages.warm });
  lab.atEnd(() => echo.stop());
  const echoTarget = { ...planes.warm, connections: open(echo.address), pid: echo.pid, path: ECHO_PATH };
  const listing = await measureListing({ ...planes, echo: echoTarget }, { ...pages, echo: pages.warm });
  const loadedMiB = rssMiB(warm.pid());

  progress('StartRun');
  const submits = await measureSubmits(
    {
      engine: { connections: openPlain(engines.alone.address), headers: {} },
      fedctl: { connections: planes.warm.connections, headers: alice.warm.headers() },
    },
    lab.folder,
  );
  progress('Done');
  return { cli, listing, submits, memory: { idleMiB, loadedMiB }, startMs: median(startMs), rows: MANY_RUNS };

  async function superLink(name: string) {
    const link = await startSuperLink({
      folder: `${lab.folder}/${name}`,
      flowerBin: lab.flowerBin,
      port: await findFreeBase(),
    });
    lab.atEnd(() => link.stop());
    return link;
  }
  function openPlain(address: string) {
    const connections = openConnections({ address, count: CONNECTIONS });
    lab.atEnd(() => connections.close());
    return connections;
  }
}
