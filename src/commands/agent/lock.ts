import { agentSocket } from '../../cli/agent-args.ts';
import { askNewPassphrase } from '../../cli/agent-passphrase.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { askAgent } from '../../credentials/agent-client.ts';

export default class AgentLock extends BaseCommand {
  static override description = 'Encrypt all that the agent holds with a passphrase, until "agent unlock".';
  static override examples = ['<%= config.bin %> agent lock'];

  async run(): Promise<void> {
    await this.parse(AgentLock);
    const socket = agentSocket(this.context.env);
    const passphrase = await askNewPassphrase(this.context);
    await askAgent(socket, { op: 'lock' }, passphrase).finally(() => passphrase.fill(0));
    this.print({ success: true, locked: true }, ['The agent is locked.']);
  }
}
