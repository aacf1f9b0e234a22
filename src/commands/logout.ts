import { boolean } from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.ts';
import { logOut } from '../cli/logout.ts';
import { targetArgs } from '../cli/target-args.ts';

export default class Logout extends BaseCommand {
  static override description = 'End your session at the control plane and forget it here.';
  static override examples = ['<%= config.bin %> logout', '<%= config.bin %> logout --local'];
  static override args = targetArgs;
  static override flags = {
    local: boolean({ description: 'only forget the login on this machine; the session goes on at the server' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Logout);
    const result = await logOut(this.context, { positionals: [args.app, args.federation], local: flags.local });
    const { address, loggedOut, providerRevoked, localOnly } = result;
    const rest = flags.local
      ? 'its session goes on at the server'
      : "a SuperLink can't end it, its tokens go on until they expire";
    const done = localOnly ? `The login to ${address} is forgotten here; ${rest}.` : `Logged out of ${address}.`;
    const line = loggedOut ? done : `You were not logged in to ${address}.`;
    this.print({ success: true, 'logged-out': loggedOut, 'provider-revoked': providerRevoked, address }, [line]);
    if (loggedOut && !providerRevoked && !localOnly && !this.json) {
      this.note('The identity provider could not be told; its own session may still stand.');
    }
  }
}
