import { string } from '@oclif/core/args';
import { option } from '@oclif/core/flags';
import { BaseCommand } from '../../../cli/base-command.ts';
import { openControl } from '../../../cli/control.ts';
import { federationArgs } from '../../../cli/federation-args.ts';
import { createdDocument } from '../../../cli/federation-view.ts';
import { safeLine } from '../../../cli/text.ts';
import { checkFederationId } from '../../../core/ids.ts';

const roleFlag = option({ options: ['admin', 'operator', 'runner', 'viewer'] as const });

export default class FederationInviteCreate extends BaseCommand {
  static override description =
    'Invite somebody to a federation.\nThey have logged in to this server once, and accept or reject it.';
  static override examples = [
    '<%= config.bin %> federation invite create bob @lab/hearts',
    '<%= config.bin %> federation invite create bob@example.org @lab/hearts --role viewer',
  ];
  static override args = {
    account: string({ required: true, description: 'account name, e-mail address or "ISSUER SUBJECT"' }),
    ...federationArgs,
  };
  static override flags = {
    role: roleFlag({ description: 'what they shall be there', default: 'runner', noCacheDefault: true }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(FederationInviteCreate);
    const id = checkFederationId(args.id);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    const request = { federation: id, invitee: args.account, role: flags.role };
    const { invitation } = await remote.createInvitation(request);
    const who = safeLine(invitation?.invitee || args.account);
    this.print({ success: true, invitation: invitation === undefined ? null : createdDocument(invitation) }, [
      `Invited ${who} to ${id} as ${flags.role}. They accept with: fedctl federation invite accept ${id}`,
    ]);
  }
}
