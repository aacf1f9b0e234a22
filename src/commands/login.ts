import { boolean, option, string } from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.ts';
import { logIn } from '../cli/login.ts';
import { targetArgs } from '../cli/target-args.ts';

const trueOrFalse = option({ options: ['true', 'false'] as const });

export default class Login extends BaseCommand {
  static override description =
    'Log in to a control plane, or to a SuperLink that has a login, in a browser on this or any other device.\nThe login is kept for this connection and renewed by itself.';
  static override examples = [
    '<%= config.bin %> login',
    '<%= config.bin %> login ./my-app lab',
    '<%= config.bin %> login --no-launch-browser',
    '<%= config.bin %> login --import-flwr',
  ];
  static override args = targetArgs;
  static override flags = {
    force: boolean({ description: 'log in anew, even if you are logged in' }),
    'launch-browser': trueOrFalse({ description: 'open the browser; by default where there is one to be seen' }),
    'no-launch-browser': boolean({ description: 'same as --launch-browser=false', exclusive: ['launch-browser'] }),
    'import-flwr': boolean({
      description: 'take over the login that flwr has stored for this connection; log in with flwr anew after that',
      exclusive: ['launch-browser', 'no-launch-browser', 'provider'],
    }),
    provider: string({
      description: 'identity provider, where the server has several',
      default: '',
      noCacheDefault: true,
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Login);
    const asked = flags['no-launch-browser'] ? 'false' : flags['launch-browser'];
    const positionals = [args.app, args.federation];
    const { account, connection, already } = flags['import-flwr']
      ? await (await import('../cli/import-flwr.ts')).importLogin(this.context, positionals)
      : await logIn(this.context, {
          positionals,
          force: flags.force,
          launchBrowser: asked === undefined ? undefined : asked === 'true',
          provider: flags.provider,
        });
    const where = account === '' ? connection.address : `${connection.address} as ${account}`;
    const line = already ? `You are logged in to ${where} already. --force logs in anew.` : `Logged in to ${where}.`;
    this.print(
      {
        success: true,
        account: account === '' ? null : account,
        connection: connection.name,
        address: connection.address,
        already,
      },
      [line],
    );
  }
}
