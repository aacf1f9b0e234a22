import { string } from '@oclif/core/args';
import { boolean } from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { removeConnection } from '../../cli/config-change.ts';
import { configPath } from '../../cli/config-view.ts';
import { configFile } from '../../project/connections.ts';

export default class ConfigRemove extends BaseCommand {
  static override description =
    'Take a connection out of config.toml.\nRefused while there is a login for it, or while it is the default among several.';
  static override examples = ['<%= config.bin %> config remove lab', '<%= config.bin %> config remove lab --force'];
  static override args = { name: string({ required: true, description: 'name of the connection' }) };
  static override flags = {
    force: boolean({ description: 'remove it all the same; its login stays where it is' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ConfigRemove);
    const { keptLogin, wasDefault } = await removeConnection(this.context, { name: args.name, force: flags.force });
    const file = configFile(this.context.env);
    this.print({ success: true, name: args.name, 'was-default': wasDefault, 'kept-login': keptLogin ?? null, file }, [
      `Removed "${args.name}" from ${configPath(this.context)}.`,
      ...(keptLogin === undefined ? [] : [`Its login is still in ${keptLogin}.`]),
    ]);
  }
}
