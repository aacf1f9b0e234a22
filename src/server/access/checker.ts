import type { AccessQuestion, Checker } from '../../core/access.ts';
import type { DecisionCache } from './decisions.ts';
import { unavailable } from './failures.ts';
import type { Questioner } from './questioner.ts';
import { type Asked, type EverybodysRole, type Known, translate } from './questions.ts';
import type { Pin } from './tuple-store.ts';

export interface CheckerOptions {
  readonly questioner: Questioner;
  readonly cache: DecisionCache;
  /** @throws UNAVAILABLE AUTHORIZATION_UNAVAILABLE while the store and the model are not proven */
  readonly pin: () => Pin;
  readonly defines: (type: string, right: string) => boolean;
  /** What is known of stored tuples; undefined until they have been read. */
  readonly known: () => Known | undefined;
  readonly everybody?: readonly EverybodysRole[];
}

/** Decisions by OpenFGA. Runs that nobody shared are decided by class, see `translate`. */
export function createChecker(options: CheckerOptions): Checker {
  const { questioner, cache, pin, defines, known, everybody = [] } = options;
  const underway = new Map<string, Promise<boolean>>();

  /** Starts one round of questions; others with an equal question wait for the same answer. */
  const start = (asked: readonly Asked[]): void => {
    const generation = cache.generation();
    const round = questioner.askMany(asked, pin(), cache.settling());
    asked.forEach((question, index) => {
      const flight = `${generation}\n${question.key}`;
      const answer = round
        .then((answers) => {
          const allowed = answers[index];
          if (allowed === undefined) throw unavailable('a question got no answer');
          cache.put(question.key, allowed, generation);
          return allowed;
        })
        .finally(() => underway.delete(flight));
      // Each waits for its own answer below; this keeps a failed round from counting as unhandled.
      answer.catch(() => {});
      underway.set(flight, answer);
    });
  };

  const checkMany = async (questions: readonly AccessQuestion[]): Promise<readonly boolean[]> => {
    pin();
    const facts = known();
    const asked = questions.map((question) =>
      defines(question.object.type, question.right)
        ? translate(question, facts, { classes: true, everybody })
        : undefined,
    );
    const decided = new Map<string, boolean | Promise<boolean>>();
    const open: Asked[] = [];
    for (const question of asked) {
      if (question === undefined || decided.has(question.key)) continue;
      const answer = cache.get(question.key) ?? underway.get(`${cache.generation()}\n${question.key}`);
      if (answer === undefined) open.push(question);
      // Set at once, so that an equal question later in the list is not asked again.
      decided.set(question.key, answer ?? false);
    }
    if (open.length > 0) start(open);
    for (const { key } of open) decided.set(key, underway.get(`${cache.generation()}\n${key}`) ?? missing());
    return Promise.all(
      asked.map((question) => (question === undefined ? false : (decided.get(question.key) ?? missing()))),
    );
  };

  return {
    check: async (question, { fresh = false } = {}) => {
      if (!fresh) return (await checkMany([question]))[0] ?? missing();
      const pinned = pin();
      if (!defines(question.object.type, question.right)) return false;
      return questioner.ask(translate(question, known(), { classes: false, everybody }), pinned, true);
    },
    checkMany,
  };
}

function missing(): never {
  throw unavailable('a question got no answer');
}
