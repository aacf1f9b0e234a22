import { agentSocket } from '../../cli/agent-args.ts';
import { askPassphrase } from '../../cli/agent-passphrase.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { askAgent } from '../../credentials/agent-client.ts';

export default class AgentUnlock extends BaseCommand {
  static override description =
    'Open an agent that "agent lock" has locked. Each wrong try makes the next one wait longer.';
  static override examples = ['<%= config.bin %> agent unlock'];

  async run(): Promise<void> {
    await this.parse(AgentUnlock);
    const socket = agentSocket(this.context.env);
    const passphrase = await askPassphrase(this.context);
    await askAgent(socket, { op: 'unlock' }, passphrase).finally(() => passphrase.fill(0));
    this.print({ success: true, locked: false }, ['The agent is unlocked.']);
  }
}
