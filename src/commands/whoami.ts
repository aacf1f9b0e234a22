import { BaseCommand } from '../cli/base-command.ts';
import { isPlane, openControl } from '../cli/control.ts';
import { identityDocument, identityLines } from '../cli/identity-view.ts';
import { targetArgs } from '../cli/target-args.ts';

export default class Whoami extends BaseCommand {
  static override description = 'Show who you are logged in as, where, until when, and what you may do there.';
  static override examples = ['<%= config.bin %> whoami'];
  static override args = targetArgs;

  async run(): Promise<void> {
    const { args } = await this.parse(Whoami);
    const control = await openControl(this.context, [args.app, args.federation]);
    const { connection } = control;
    if (!isPlane(control)) {
      const [{ linkDocument, linkLines }, { proveRemote }] = await Promise.all([
        import('../cli/link-view.ts'),
        import('../cli/superlink.ts'),
      ]);
      await proveRemote(control.remote);
      return this.print(linkDocument(control), linkLines(control));
    }
    const { client, session } = control;
    const me = await session.call(client.sessions.whoAmI.bind(client.sessions), {});
    this.print(identityDocument(me, connection), identityLines(me, connection));
  }
}
