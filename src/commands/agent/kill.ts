import { agentSocket, shellFlag } from '../../cli/agent-args.ts';
import { endedLines, type Shell, shellOf } from '../../cli/agent-shell.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { askAgent } from '../../credentials/agent-client.ts';

export default class AgentKill extends BaseCommand {
  static override description =
    'End the agent; what it held is gone. It prints what the shell has to evaluate to forget it.';
  static override examples = ['eval $(<%= config.bin %> agent kill)'];
  static override flags = shellFlag;

  async run(): Promise<void> {
    const { flags } = await this.parse(AgentKill);
    const { env } = this.context;
    const socket = agentSocket(env);
    const { pid = 0 } = await askAgent(socket, { op: 'kill' });
    this.print({ success: true, pid }, endedLines((flags.shell as Shell | undefined) ?? shellOf(env), pid));
  }
}
