/**
 * One process that dies: `child-crash.ts JSON`. Does one thing to the stored login of a scene and kills itself before step
 * number `step` (0: lives, and prints how many steps there were). Each step is told by the code that takes it.
 */
import { switchAccount } from '../../src/credentials/accounts.ts';
import { openCredentials } from '../../src/credentials/credential-file.ts';
import { type CrashTask, optionsOf, pair } from './crash.ts';

process.umask(0);
const { action, step, ...scene } = JSON.parse(process.argv[2] ?? '{}') as CrashTask;
let steps = 0;
const options = optionsOf(scene, () => {
  steps += 1;
  if (steps === step) process.kill(process.pid, 'SIGKILL');
});
const fresh = pair('new', 's2', 'alice');

const ACTIONS: Readonly<Record<CrashTask['action'], () => Promise<unknown>>> = {
  write: () => openCredentials({ ...options, storage: { kind: scene.storage, isChosen: true } }).write(fresh),
  beside: () => openCredentials({ ...options, beside: 'bob' }).write(pair('bobs', 's3', 'bob')),
  renew: () => openCredentials(options).renew({ usable: () => false, renew: async () => fresh }),
  switch: () => switchAccount(options, 'bob'),
  remove: () => openCredentials(options).remove(),
};

await ACTIONS[action]();
process.stdout.write(String(steps));
