import { boolean } from '@oclif/core/flags';
import { accountDocument, accountLines, allAccounts, shownAccounts } from '../../cli/accounts.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { findTarget } from '../../cli/control.ts';
import { targetArgs } from '../../cli/target-args.ts';
import { safeLine } from '../../cli/text.ts';

export default class AuthLs extends BaseCommand {
  static override hiddenAliases = ['auth:list'];
  static override description =
    'List the logins on this machine: whose they are, for which server, and how they are kept.\n"*" is the one that commands use. No server is asked, and no token is shown.';
  static override examples = ['<%= config.bin %> auth ls', '<%= config.bin %> auth ls --all --json'];
  static override args = targetArgs;
  static override flags = {
    all: boolean({ description: 'of all connections of this project and of $FLWR_HOME' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AuthLs);
    const { context } = this;
    const positionals = [args.app, args.federation];
    const { accounts, problems } = flags.all
      ? await allAccounts(context, args.app)
      : { accounts: await shownAccounts(context, (await findTarget(context, positionals)).connection), problems: [] };
    const lines = await accountLines(accounts, context);
    this.print({ success: true, accounts: accounts.map(accountDocument) }, lines);
    for (const problem of problems) this.note(safeLine(problem));
    const variable = ['FEDCTL_TOKEN', 'FEDCTL_TOKEN_FILE'].find((name) => context.env[name]);
    if (variable !== undefined) this.note(`${variable} is set: its token goes before all of these.`);
  }
}
