import { AppError } from '../../../core/errors.ts';
import type { Handlers } from '../call.ts';

type NodeHandlers = Pick<Handlers, 'nodes.list' | 'nodes.register' | 'nodes.unregister' | 'runs.pull'>;

async function notYet(): Promise<never> {
  throw new AppError('UNIMPLEMENTED', 'NOT_SERVED', 'This is not served yet.');
}

export const nodeHandlers: NodeHandlers = {
  'nodes.list': notYet,
  'nodes.register': notYet,
  'nodes.unregister': notYet,
  'runs.pull': notYet,
};
