import { boolean } from '@oclif/core/flags';
import { agentSocket } from '../../cli/agent-args.ts';
import { entriesOf, entryCount } from '../../cli/agent-entries.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { targetArgs } from '../../cli/target-args.ts';
import { AppError } from '../../core/errors.ts';
import { askAgent } from '../../credentials/agent-client.ts';

export default class AgentRemove extends BaseCommand {
  static override description = 'Let the agent forget what it holds of one connection, or everything.';
  static override examples = ['<%= config.bin %> agent remove lab', '<%= config.bin %> agent remove --all'];
  static override args = targetArgs;
  static override flags = { all: boolean({ description: 'forget everything, also while the agent is locked' }) };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AgentRemove);
    const socket = agentSocket(this.context.env);
    const named = [args.app, args.federation];
    if (Boolean(flags.all) === named.some((one) => one !== undefined)) {
      throw new AppError('INVALID_ARGUMENT', 'USAGE', 'Name a connection, or say --all.');
    }
    const removed = flags.all ? await removeAll(socket) : await this.#removeOf(socket, named);
    this.print({ success: true, removed }, [`The agent has forgotten ${entryCount(removed)}.`]);
  }

  async #removeOf(socket: string, named: readonly (string | undefined)[]): Promise<number> {
    const entries = await entriesOf(this.context, socket, named);
    for (const { id } of entries) await askAgent(socket, { op: 'remove', id });
    return entries.length;
  }
}

async function removeAll(socket: string): Promise<number> {
  return (await askAgent(socket, { op: 'remove' })).count ?? 0;
}
