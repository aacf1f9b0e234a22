import { boolean } from '@oclif/core/flags';
import { BaseCommand } from '../../../cli/base-command.ts';
import { openControl } from '../../../cli/control.ts';
import { createdDocument, invitationTable, receivedDocument } from '../../../cli/federation-view.ts';
import { targetArgs } from '../../../cli/target-args.ts';

export default class FederationInviteLs extends BaseCommand {
  static override hiddenAliases = ['federation:invite:list'];
  static override description = 'List pending invitations: to you, and to federations that you administer.';
  static override examples = [
    '<%= config.bin %> federation invite ls',
    '<%= config.bin %> federation invite ls --all --json',
  ];
  static override args = targetArgs;
  static override flags = { all: boolean({ description: 'also those that have been answered or revoked' }) };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(FederationInviteLs);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    const lists = await remote.listInvitations({});
    const wanted = ({ status }: { status: string }) => flags.all || status === 'pending';
    const [received, created] = [lists.received.filter(wanted), lists.created.filter(wanted)];
    const document = {
      success: true,
      'received-invitations': received.map(receivedDocument),
      'created-invitations': created.map(createdDocument),
    };
    const blocks = [];
    if (received.length > 0) blocks.push('Invitations to you:', ...(await invitationTable(received, this.stdio)));
    if (received.length > 0 && created.length > 0) blocks.push('');
    if (created.length > 0) {
      blocks.push('Invitations to federations of yours:', ...(await invitationTable(created, this.stdio)));
    }
    this.print(document, blocks.length === 0 ? ['No invitations.'] : blocks);
  }
}
