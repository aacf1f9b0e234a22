import { string } from '@oclif/core/args';
import { boolean } from '@oclif/core/flags';
import { AppError } from '../core/errors.ts';
import { parseRunId } from '../core/ids.ts';
import { targetArgs } from './target-args.ts';

/** `@owner/name [APP] [FEDERATION]`: the federation, then the connection, as in `log RUN_ID [APP] [FEDERATION]`. */
export const federationArgs = {
  id: string({ required: true, name: 'ID', description: 'id of the federation: @owner/name' }),
  ...targetArgs,
};

export const nodeIdArg = string({ required: true, description: 'id of the SuperNode, as "supernode ls" shows it' });

export const yesFlag = { yes: boolean({ char: 'y', description: 'do not ask, on a terminal' }) };

/** @throws INVALID_ARGUMENT NODE_ID_INVALID */
export function readNodeId(text: string): bigint {
  // Flower's node ids are uint64, as its run ids are.
  const id = parseRunId(text);
  if (id !== undefined && id !== 0n) return id;
  throw new AppError('INVALID_ARGUMENT', 'NODE_ID_INVALID', `"${text.slice(0, 40)}" is no id of a SuperNode.`, {
    hint: 'Give the number that "fedctl supernode ls" shows.',
  });
}
