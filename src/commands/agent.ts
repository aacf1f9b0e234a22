import { boolean } from '@oclif/core/flags';
import { launchAgent } from '../agent/launch.ts';
import { lifetimeFlag, lifetimeOf, shellFlag } from '../cli/agent-args.ts';
import { agentLines, type Shell, shellOf } from '../cli/agent-shell.ts';
import { BaseCommand } from '../cli/base-command.ts';

export default class Agent extends BaseCommand {
  static override description =
    'Start an agent that keeps unlocked keys and logins in memory for the commands of this shell.\nIt prints what the shell has to evaluate to find it.';
  static override examples = [
    { description: 'sh, bash, zsh', command: 'eval $(<%= config.bin %> agent)' },
    { description: 'fish', command: '<%= config.bin %> agent | source' },
    { description: 'forget everything after a working day', command: 'eval $(<%= config.bin %> agent --lifetime 9h)' },
  ];
  static override flags = {
    ...shellFlag,
    lifetime: lifetimeFlag('forget what is added after this time, unless it says another'),
    foreground: boolean({ char: 'D', description: 'stay; end with Ctrl-C or when this process does' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Agent);
    const { env } = this.context;
    const lifetimeMs = lifetimeOf(flags.lifetime);
    const { socket, pid, child } = await launchAgent({ env, lifetimeMs, isTied: flags.foreground });
    const shell = (flags.shell as Shell | undefined) ?? shellOf(env);
    this.print({ success: true, socket, pid }, agentLines(shell, { socket, pid }));
    if (!flags.foreground) return;
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGTERM'));
    await new Promise((resolve) => child.once('exit', resolve));
  }
}
