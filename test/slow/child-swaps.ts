/**
 * An attacker who runs as somebody with the same rights on the folder: `child-swaps.ts OUTER TARGET` exchanges the credential
 * folder, and the files in it, for links to a folder and a file of somebody else, as fast as it can, until its input ends.
 */
import { existsSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const [, , outer = '', target = ''] = process.argv;
const folder = join(outer, '.credentials');
const away = join(outer, 'away');
const names = ['lab.json', 'lab.meta.json', 'lab.json.lock'];
let swaps = 0;

function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // The other one was faster.
  }
}

function swap(): void {
  attempt(() => {
    renameSync(folder, away);
    symlinkSync(target, folder);
    swaps += 1;
  });
  attempt(() => {
    // Never a real one: only the link goes.
    if (existsSync(away)) rmSync(folder);
  });
  attempt(() => {
    renameSync(away, folder);
  });
  const name = names[swaps % names.length] ?? '';
  attempt(() => {
    rmSync(join(folder, name), { force: true });
    symlinkSync(join(target, name), join(folder, name));
  });
  if (swaps % 2 === 0) attempt(() => rmSync(join(folder, name), { force: true }));
}

let isOver = false;
process.stdin.on('end', () => {
  isOver = true;
});
process.stdin.resume();
process.stdout.write('ready\n');
while (!isOver) {
  for (let round = 0; round < 20; round += 1) swap();
  await new Promise((resolve) => setImmediate(resolve));
}
process.stdout.write(`${swaps}\n`);
