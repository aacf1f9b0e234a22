/** `npm run bench`: measures the built fedctl and writes docs/benchmarks.md (`--dry`: prints it; `--json`: prints the figures). Needs Linux; takes some minutes. */
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { endChildrenAtExit } from './children.ts';
import { measureCli } from './cli.ts';
import { type Lab, openLab } from './lab.ts';
import { measureListing } from './listing.ts';
import type { Plane } from './plane.ts';
import { type Figures, renderReport } from './report.ts';
import { openListTargets, openScene, openTranslators, type Scene } from './scene.ts';
import { median } from './stats.ts';
import { measureSubmits } from './submits.ts';
import { measureTranslators } from './translators.ts';
import { rssMiB } from './usage.ts';

const REPORT = new URL('../docs/benchmarks.md', import.meta.url).pathname;
const STARTS = 3;
const SETTLE_MS = 2_000;

const begun = performance.now();

function progress(line: string): void {
  process.stderr.write(`${((performance.now() - begun) / 1000).toFixed(0).padStart(4)} s  ${line}\n`);
}

async function measure(lab: Lab): Promise<Figures> {
  const scene = await openScene(lab, progress);
  progress('Starting the control plane again and again');
  const startMs = await measureStarts(scene.cached);
  await delay(SETTLE_MS);
  const idleMiB = rssMiB(scene.cached.pid());
  progress('Command line');
  const cli = await measureCli(scene.bob, scene.ids.bob);
  progress('ListRuns');
  const { targets, pages } = await openListTargets(lab, scene);
  const listing = await measureListing(targets, pages);
  const loadedMiB = rssMiB(scene.cached.pid());
  progress('Translators');
  const translators = await measureTranslators(await openTranslators(lab, scene));
  progress('StartRun');
  const submits = await measureSubmits(submitWays(lab, scene), lab.folder);
  const memory = { idleMiB, loadedMiB };
  return { cli, listing, translators, submits, memory, startMs, rows: scene.ids.cached.length };
}

async function measureStarts(plane: Plane): Promise<number> {
  const times: number[] = [];
  while (times.length < STARTS) {
    await plane.stop();
    times.push(await plane.start());
  }
  return median(times);
}

function submitWays(lab: Lab, { engines, cached, alice }: Scene) {
  return {
    engine: { connections: lab.connect({ address: engines.alone.address, tls: false }), headers: {} },
    fedctl: { connections: lab.connect({ address: cached.address }), headers: alice.cached.headers() },
  };
}

endChildrenAtExit();
const lab = await openLab(progress);
try {
  const figures = await measure(lab);
  const report = renderReport(figures);
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(figures, undefined, 2)}\n`);
  else if (process.argv.includes('--dry')) process.stdout.write(report);
  else writeFileSync(REPORT, report);
  progress('Done');
} finally {
  await lab.close();
}
// A kept-alive connection to the identity provider may linger.
process.exit();
