import type { Checker } from '../core/access.ts';
import type { Metrics } from '../core/metrics.ts';

/** The same checker, with its decisions counted. */
export function countDecisions(checker: Checker, metrics: Metrics): Checker {
  const count = (decision: 'allow' | 'deny' | 'error') => metrics.count('access_decisions_total', { decision });
  const counted = async <T extends boolean | readonly boolean[]>(asked: Promise<T>): Promise<T> => {
    try {
      const answer = await asked;
      for (const allowed of [answer].flat() as boolean[]) count(allowed ? 'allow' : 'deny');
      return answer;
    } catch (error) {
      count('error');
      throw error;
    }
  };
  return {
    check: (question, options) => counted(checker.check(question, options)),
    checkMany: (questions) => counted(checker.checkMany(questions)),
  };
}
