import { BaseCommand } from '../../cli/base-command.ts';
import { openPlane, positionalsOf } from '../../cli/control.ts';
import { grantArgs } from '../../cli/grant-args.ts';
import { targetFlags } from '../../cli/target-args.ts';

export default class AdminRevoke extends BaseCommand {
  static override description = 'Take a role on an object away from somebody. Effective at once.';
  static override examples = ['<%= config.bin %> admin revoke bob viewer run:1234567890'];
  static override args = grantArgs;
  static override flags = targetFlags;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AdminRevoke);
    const { client, session } = await openPlane(this.context, positionalsOf(flags));
    const { unchanged } = await session.call(client.access.revoke.bind(client.access), args);
    const what = `${args.role} of ${args.object}`;
    const line = unchanged
      ? `${args.who} was not granted ${what}; nothing changed.`
      : `${args.who} is no longer ${what}.`;
    this.print({ success: true, unchanged }, [line]);
  }
}
