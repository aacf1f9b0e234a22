import { boolean } from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.ts';
import { logIn } from '../cli/login.ts';
import { loginFlags, loginInput } from '../cli/login-flags.ts';
import { completeResume, loginView } from '../cli/login-result.ts';
import { targetArgs } from '../cli/target-args.ts';

export default class Login extends BaseCommand {
  static override description =
    'Log in to a control plane, or to a SuperLink that has a login: in a browser on this or any other device, or as a machine.\nThe login is kept for this connection and renewed by itself; how you logged in is remembered for the next time.';
  static override usage = 'login [APP] [FEDERATION] [FLAGS]';
  static override examples = [
    '<%= config.bin %> login',
    '<%= config.bin %> login ./my-app lab',
    '<%= config.bin %> login --grant device_code --no-launch-browser',
    '<%= config.bin %> login --grant ci',
    '<%= config.bin %> login --authority https://idp.example.org --client-id trainer --client-secret-file FILE',
    '<%= config.bin %> login --import-flwr',
  ];
  static override args = targetArgs;
  static override flags = {
    ...loginFlags,
    'import-flwr': boolean({
      description: 'take over the login that flwr has stored for this connection; log in with flwr anew after that',
      exclusive: ['launch-browser', 'no-launch-browser', 'provider', 'grant', 'no-wait', 'resume'],
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Login, completeResume(this.argv));
    const positionals = [args.app, args.federation];
    if (flags['list-providers']) return await this.listProviders(positionals);
    const result = flags['import-flwr']
      ? await (await import('../cli/import-flwr.ts')).importLogin(this.context, positionals)
      : await logIn(this.context, loginInput(flags, { positionals, cwd: process.cwd() }));
    const { document, lines } = loginView(result);
    this.print(document, lines);
  }

  private async listProviders(positionals: readonly (string | undefined)[]): Promise<void> {
    const { readProviders, providersDocument, providersLines } = await import('../cli/login-providers.ts');
    const providers = await readProviders(this.context, positionals);
    this.print(providersDocument(providers), await providersLines(providers, this.context));
  }
}
