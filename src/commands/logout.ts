import { boolean, string } from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { logOut, logOutEverywhere } from '../cli/logout.ts';
import {
  logoutDocument,
  logoutLine,
  logoutNotes,
  outcomeDocument,
  outcomeLine,
  tellProvider,
} from '../cli/logout-view.ts';
import { targetArgs } from '../cli/target-args.ts';

export default class Logout extends BaseCommand {
  static override description = 'End your session at the control plane and forget it here.';
  static override examples = [
    '<%= config.bin %> logout',
    '<%= config.bin %> logout --account bob',
    '<%= config.bin %> logout --all',
    '<%= config.bin %> logout --local',
  ];
  static override args = targetArgs;
  static override flags = {
    local: boolean({ description: 'only forget the login on this machine; the session goes on at the server' }),
    account: string({ description: 'another login of the connection (fedctl auth ls)', helpValue: 'NAME' }),
    all: boolean({
      description: 'all accounts of all connections of this project and of $FLWR_HOME',
      exclusive: ['account', 'provider'],
    }),
    provider: boolean({
      description: "also end your browser's session at the identity provider",
      exclusive: ['local'],
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Logout);
    if (flags.all) return await this.everywhere(flags);
    const { account, local } = flags;
    const result = await logOut(this.context, { positionals: [args.app, args.federation], local, account });
    this.print(logoutDocument(result, flags), [logoutLine(result, { local, named: account !== undefined })]);
    if (!this.json) for (const line of logoutNotes(result)) this.note(line);
    if (result.loggedOut && !result.localOnly) await tellProvider(this.context, result, flags.provider);
  }

  private async everywhere(flags: { local: boolean }): Promise<void> {
    const outcomes = await logOutEverywhere(this.context, flags);
    const failed = outcomes.some((outcome) => 'error' in outcome);
    const lines = outcomes.length === 0 ? ['You are not logged in anywhere.'] : [];
    for (const outcome of outcomes) lines.push(outcomeLine(outcome, flags));
    this.print({ success: !failed, logins: outcomes.map(outcomeDocument) }, lines);
    if (failed) this.exit(EXIT.failed);
  }
}
