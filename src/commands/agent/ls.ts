import { agentSocket } from '../../cli/agent-args.ts';
import { agentDocument, agentLines } from '../../cli/agent-view.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { askAgent } from '../../credentials/agent-client.ts';

export default class AgentLs extends BaseCommand {
  static override description = 'List what the agent holds: connections, accounts, and until when. Never a secret.';
  static override examples = ['<%= config.bin %> agent ls', '<%= config.bin %> agent ls --json'];

  async run(): Promise<void> {
    await this.parse(AgentLs);
    const { columns: width, unicode } = this.stdio;
    const answer = await askAgent(agentSocket(this.context.env), { op: 'list' });
    this.print(agentDocument(answer), await agentLines(answer, { width, unicode }));
  }
}
