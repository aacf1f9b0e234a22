import { string } from '@oclif/core/args';
import { BaseCommand } from '../cli/base-command.ts';
import { openPlane, positionalsOf } from '../cli/control.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { targetFlags } from '../cli/target-args.ts';
import { safeLine } from '../cli/text.ts';

export default class Can extends BaseCommand {
  static override description = 'Ask whether you may do something. Exits with 0 for yes and 4 for no.';
  static override examples = [
    '<%= config.bin %> can stop run:1234567890',
    '<%= config.bin %> can run federation:@lab/default',
  ];
  static override args = {
    action: string({ required: true, description: 'run, list, view, log, stop, pull, share, manage_nodes or admin' }),
    object: string({ required: true, description: 'system, federation:@owner/name, run:ID or group:NAME' }),
  };
  static override flags = targetFlags;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Can);
    const { client, session } = await openPlane(this.context, positionalsOf(flags));
    const answer = await session.call(client.access.can.bind(client.access), args);
    const reason = safeLine(answer.reason);
    this.print({ success: true, allowed: answer.allowed, reason }, [
      `${answer.allowed ? 'Yes' : 'No'}${reason === '' ? '.' : `: ${reason}`}`,
    ]);
    if (!answer.allowed) process.exitCode = EXIT.notPermitted;
  }
}
