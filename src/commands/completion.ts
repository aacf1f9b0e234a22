import { string } from '@oclif/core/args';
import { BaseCommand } from '../cli/base-command.ts';
import { completionScript, SHELLS, type Shell } from '../cli/completion.ts';

export default class Completion extends BaseCommand {
  static override description = 'Print a completion script for a shell.';
  static override examples = [
    'source <(<%= config.bin %> completion bash)',
    '<%= config.bin %> completion zsh > "$HOME/.zfunc/_fedctl"',
    '<%= config.bin %> completion fish > ~/.config/fish/completions/fedctl.fish',
  ];
  static override args = { shell: string({ required: true, options: [...SHELLS], description: 'bash, zsh or fish' }) };

  async run(): Promise<void> {
    const { args } = await this.parse(Completion);
    const script = completionScript(args.shell as Shell, this.config.commands);
    this.print({ success: true, shell: args.shell, script }, [script.trimEnd()]);
  }
}
