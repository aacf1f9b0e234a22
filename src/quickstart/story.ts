import { AppError } from '../core/errors.ts';
import type { Teller } from './teller.ts';

const NOT_FOUND = 5;

/** The whole main job, told by three people on one control plane. @throws where a step does not come to what it should */
export async function tellStory({ explain, run, logIn }: Teller): Promise<void> {
  explain('Each person has a FLWR_HOME with the connection, as on a machine of their own.');
  explain('alice, a researcher, logs in. Her terminal shows a code; she approves it.');
  await logIn('alice');

  explain('She submits the app. Two nodes train on data that never leaves them.');
  const trained = await run('alice', ['run', '--stream']);
  assertLearning(trained.output);
  const first = runIdIn(trained.output);
  await run('alice', ['ls'], { shows: new RegExp(first) });

  explain('bob is in the same federation. Runs are private: for him it does not exist.');
  await logIn('bob');
  await run('bob', ['ls'], { shows: /No runs/, lacks: new RegExp(first) });
  await run('bob', ['stop', first], { code: NOT_FOUND });

  explain("alice starts a second, longer run: bob's right will be for the first one only.");
  const long = await run('alice', ['run', '-c', 'num-server-rounds=500 round-delay=1.0']);
  const second = runIdIn(long.output);

  explain('admin lets bob look at the first run, for an hour.');
  await logIn('admin');
  await run('admin', ['admin', 'grant', 'bob', 'viewer', `run:${first}`, '--for', '1h']);
  await run('bob', ['ls'], { shows: new RegExp(first), lacks: new RegExp(second) });

  explain('admin takes the right back; it is gone at once.');
  await run('admin', ['admin', 'revoke', 'bob', 'viewer', `run:${first}`]);
  await run('bob', ['ls'], { shows: /No runs/ });

  explain('alice stops her second run.');
  await run('alice', ['stop', 'latest'], { shows: new RegExp(second) });
  await run('alice', ['ls'], { shows: / stopped / });

  explain('Everybody logs out; the tokens are worth nothing from now on.');
  for (const who of ['alice', 'bob', 'admin']) await run(who, ['logout']);
}

/** The id in "Run 123 of app is submitted". */
export function runIdIn(output: string): string {
  const id = /^Run (\d+) /m.exec(output)?.[1];
  if (id === undefined) throw new AppError('FAILED_PRECONDITION', 'QUICKSTART_STEP', '"fedctl run" printed no run id.');
  return id;
}

/** Every round tells its accuracy; the last one must be better than the first. */
export function assertLearning(output: string): void {
  const accuracies = [...output.matchAll(/accuracy (\d\.\d+)/g)].map(([, number]) => Number(number));
  const [first, last] = [accuracies[0], accuracies.at(-1)];
  if (accuracies.length > 1 && first !== undefined && last !== undefined && last > first) return;
  throw new AppError('FAILED_PRECONDITION', 'QUICKSTART_STEP', 'The run did not show an accuracy that rises.');
}
