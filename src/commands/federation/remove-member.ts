import { string } from '@oclif/core/args';
import { BaseCommand } from '../../cli/base-command.ts';
import { confirm } from '../../cli/confirm.ts';
import { openControl } from '../../cli/control.ts';
import { federationArgs, yesFlag } from '../../cli/federation-args.ts';
import { targetArgs } from '../../cli/target-args.ts';
import { checkFederationId } from '../../core/ids.ts';

export default class FederationRemoveMember extends BaseCommand {
  static override hiddenAliases = ['federation:remove-account'];
  static override description =
    'Take every role on a federation from somebody. Effective at once.\nRoles that come with a group stay: those are taken from the group.';
  static override examples = ['<%= config.bin %> federation remove-member @lab/hearts bob'];
  static override args = {
    id: federationArgs.id,
    account: string({ required: true, description: 'account name, e-mail address or "ISSUER SUBJECT"' }),
    ...targetArgs,
  };
  static override flags = yesFlag;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(FederationRemoveMember);
    const id = checkFederationId(args.id);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    await confirm(this.context, { question: `Remove ${args.account} from ${id}?`, yes: flags.yes });
    await remote.removeMember({ federation: id, account: args.account });
    this.print({ success: true, 'federation-id': id, account: args.account }, [
      `${args.account} is no longer a member of ${id}.`,
    ]);
  }
}
