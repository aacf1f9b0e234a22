import { BaseCommand } from '../cli/base-command.ts';
import { openPlane } from '../cli/control.ts';
import { identityDocument, identityLines } from '../cli/identity-view.ts';
import { targetArgs } from '../cli/target-args.ts';

export default class Whoami extends BaseCommand {
  static override description = 'Show who you are logged in as, where, until when, and what you may do there.';
  static override examples = ['<%= config.bin %> whoami'];
  static override args = targetArgs;

  async run(): Promise<void> {
    const { args } = await this.parse(Whoami);
    const { client, session, connection } = await openPlane(this.context, [args.app, args.federation]);
    const me = await session.call(client.sessions.whoAmI.bind(client.sessions), {});
    this.print(identityDocument(me, connection), identityLines(me, connection));
  }
}
