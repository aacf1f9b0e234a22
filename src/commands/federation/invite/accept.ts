import { BaseCommand } from '../../../cli/base-command.ts';
import { openControl } from '../../../cli/control.ts';
import { federationArgs } from '../../../cli/federation-args.ts';
import { checkFederationId } from '../../../core/ids.ts';

export default class FederationInviteAccept extends BaseCommand {
  static override description = 'Accept an invitation: you are a member of the federation from then on.';
  static override examples = ['<%= config.bin %> federation invite accept @lab/hearts'];
  static override args = federationArgs;

  async run(): Promise<void> {
    const { args } = await this.parse(FederationInviteAccept);
    const id = checkFederationId(args.id);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    await remote.acceptInvitation({ federation: id });
    this.print({ success: true, 'federation-id': id }, [`You are a member of ${id} now.`]);
  }
}
