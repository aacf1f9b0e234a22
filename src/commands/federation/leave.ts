import { BaseCommand } from '../../cli/base-command.ts';
import { confirm } from '../../cli/confirm.ts';
import { openControl } from '../../cli/control.ts';
import { federationArgs, yesFlag } from '../../cli/federation-args.ts';
import { checkFederationId } from '../../core/ids.ts';

export default class FederationLeave extends BaseCommand {
  static override description = 'Give up every role of your own on a federation.';
  static override examples = ['<%= config.bin %> federation leave @lab/hearts'];
  static override args = federationArgs;
  static override flags = yesFlag;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(FederationLeave);
    const id = checkFederationId(args.id);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    await confirm(this.context, { question: `Leave ${id}?`, yes: flags.yes });
    await remote.removeMember({ federation: id, account: '' });
    this.print({ success: true, 'federation-id': id }, [`You are no longer a member of ${id}.`]);
  }
}
