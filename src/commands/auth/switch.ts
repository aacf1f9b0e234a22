import { string } from '@oclif/core/args';
import { switchTo } from '../../cli/accounts.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { targetArgs } from '../../cli/target-args.ts';

export default class AuthSwitch extends BaseCommand {
  static override description =
    'Use another login of a connection from now on. The one before stays, and can be switched back to.';
  static override examples = ['<%= config.bin %> auth switch bob', '<%= config.bin %> auth switch bob . lab'];
  static override args = {
    account: string({ description: 'what the login is called (fedctl auth ls)', required: true }),
    ...targetArgs,
  };

  async run(): Promise<void> {
    const { args } = await this.parse(AuthSwitch);
    const { connection, switched } = await switchTo(this.context, args.account, [args.app, args.federation]);
    const { name, address } = connection;
    const line = switched
      ? `"${name}" (${address}) now uses the login of ${args.account}.`
      : `"${name}" (${address}) uses the login of ${args.account} already.`;
    this.print({ success: true, account: args.account, connection: name, address, switched }, [line]);
  }
}
