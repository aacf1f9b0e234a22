import { addToAgent } from '../../cli/agent-add.ts';
import { agentSocket, lifetimeFlag, lifetimeOf } from '../../cli/agent-args.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { targetArgs } from '../../cli/target-args.ts';
import { safeLine } from '../../cli/text.ts';

export default class AgentAdd extends BaseCommand {
  static override description =
    'Unlock the stored login of a connection for the agent: its passphrase is asked once, not by every command.';
  static override examples = ['<%= config.bin %> agent add', '<%= config.bin %> agent add . lab --lifetime 8h'];
  static override args = targetArgs;
  static override flags = { lifetime: lifetimeFlag('forget it after this time') };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AgentAdd);
    const added = await addToAgent(this.context, {
      positionals: [args.app, args.federation],
      socket: agentSocket(this.context.env),
      lifetimeMs: lifetimeOf(flags.lifetime),
    });
    const { connection, storage, isHeld } = added;
    const account = safeLine(added.account);
    const line = isHeld
      ? `The agent opens the login of ${account} for "${connection}".`
      : `The login of ${account} for "${connection}" stands in a plain file: there is nothing to unlock.`;
    this.print({ success: true, connection, account, storage, held: isHeld }, [line]);
  }
}
