import { string } from '@oclif/core/args';
import { BaseCommand } from '../../cli/base-command.ts';
import { openPlane, positionalsOf } from '../../cli/control.ts';
import { accountDocument, accountTable } from '../../cli/grant-view.ts';
import { targetFlags } from '../../cli/target-args.ts';
import { AppError } from '../../core/errors.ts';

export default class AdminWhois extends BaseCommand {
  static override description = 'Find accounts by name, e-mail address, subject or principal.';
  static override examples = ['<%= config.bin %> admin whois bob', '<%= config.bin %> admin whois bob@example.org'];
  static override args = {
    query: string({ required: true, description: 'name, e-mail address, subject, "ISSUER SUBJECT" or principal' }),
  };
  static override flags = targetFlags;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AdminWhois);
    const { client, session } = await openPlane(this.context, positionalsOf(flags));
    const { accounts } = await session.call(client.access.whoIs.bind(client.access), { query: args.query });
    if (accounts.length === 0) {
      throw new AppError('NOT_FOUND', 'ACCOUNT_NOT_FOUND', `Nobody is known as "${args.query}".`, {
        hint: 'Accounts exist from their first login on; names and addresses must match exactly.',
      });
    }
    const layout = { width: this.stdio.columns, unicode: this.stdio.unicode };
    this.print({ success: true, accounts: accounts.map(accountDocument) }, await accountTable(accounts, layout));
  }
}
