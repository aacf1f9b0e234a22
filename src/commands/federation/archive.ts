import { BaseCommand } from '../../cli/base-command.ts';
import { confirm } from '../../cli/confirm.ts';
import { openControl } from '../../cli/control.ts';
import { federationArgs, yesFlag } from '../../cli/federation-args.ts';
import { checkFederationId } from '../../core/ids.ts';

export default class FederationArchive extends BaseCommand {
  static override description =
    'Close a federation for new runs, for good.\nWhat it has stays visible to those who could see it; its pending invitations end.';
  static override examples = ['<%= config.bin %> federation archive @lab/hearts'];
  static override args = federationArgs;
  static override flags = yesFlag;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(FederationArchive);
    const id = checkFederationId(args.id);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    await confirm(this.context, { question: `Archive ${id}? This can't be undone.`, yes: flags.yes });
    await remote.archiveFederation({ federation: id });
    this.print({ success: true, 'federation-id': id }, [`Archived the federation ${id}.`]);
  }
}
