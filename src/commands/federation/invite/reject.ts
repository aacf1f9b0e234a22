import { BaseCommand } from '../../../cli/base-command.ts';
import { openControl } from '../../../cli/control.ts';
import { federationArgs } from '../../../cli/federation-args.ts';
import { checkFederationId } from '../../../core/ids.ts';

export default class FederationInviteReject extends BaseCommand {
  static override description = 'Reject an invitation.';
  static override examples = ['<%= config.bin %> federation invite reject @lab/hearts'];
  static override args = federationArgs;

  async run(): Promise<void> {
    const { args } = await this.parse(FederationInviteReject);
    const id = checkFederationId(args.id);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    await remote.rejectInvitation({ federation: id });
    this.print({ success: true, 'federation-id': id }, [`You have rejected the invitation to ${id}.`]);
  }
}
