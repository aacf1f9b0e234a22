import { string } from '@oclif/core/args';
import { BaseCommand } from '../../../cli/base-command.ts';
import { openControl } from '../../../cli/control.ts';
import { federationArgs } from '../../../cli/federation-args.ts';
import { checkFederationId } from '../../../core/ids.ts';

export default class FederationInviteRevoke extends BaseCommand {
  static override description = 'Take a pending invitation back.';
  static override examples = ['<%= config.bin %> federation invite revoke bob @lab/hearts'];
  static override args = {
    account: string({ required: true, description: 'account name of who was invited' }),
    ...federationArgs,
  };

  async run(): Promise<void> {
    const { args } = await this.parse(FederationInviteRevoke);
    const id = checkFederationId(args.id);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    await remote.revokeInvitation({ federation: id, invitee: args.account });
    this.print({ success: true, 'federation-id': id, account: args.account }, [
      `The invitation of ${args.account} to ${id} is revoked.`,
    ]);
  }
}
