import { string } from '@oclif/core/args';
import { agentSocket } from '../../cli/agent-args.ts';
import { entriesOf, entryCount } from '../../cli/agent-entries.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { parseDuration } from '../../cli/duration.ts';
import { targetArgs } from '../../cli/target-args.ts';
import { askAgent } from '../../credentials/agent-client.ts';

export default class AgentLifetime extends BaseCommand {
  static override description =
    'Let the agent forget what it holds, of one connection or of all, after this time from now.';
  static override examples = ['<%= config.bin %> agent lifetime 30m', '<%= config.bin %> agent lifetime 8h . lab'];
  static override args = {
    duration: string({ required: true, description: 'such as 30m, 8h or 1h30m' }),
    ...targetArgs,
  };

  async run(): Promise<void> {
    const { args } = await this.parse(AgentLifetime);
    const lifetimeMs = parseDuration(args.duration) * 1000;
    const socket = agentSocket(this.context.env);
    const entries = await entriesOf(this.context, socket, [args.app, args.federation]);
    for (const { id } of entries) await askAgent(socket, { op: 'lifetime', lifetimeMs, id });
    this.print({ success: true, changed: entries.length, 'expires-in': lifetimeMs / 1000 }, [
      `${entryCount(entries.length)}: forgotten in ${args.duration}.`,
    ]);
  }
}
