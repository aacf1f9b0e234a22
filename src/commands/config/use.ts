import { string } from '@oclif/core/args';
import { BaseCommand } from '../../cli/base-command.ts';
import { useConnection } from '../../cli/config-change.ts';
import { configPath } from '../../cli/config-view.ts';
import { listConnections } from '../../project/connection-list.ts';
import { configFile } from '../../project/connections.ts';

export default class ConfigUse extends BaseCommand {
  static override description =
    'Make a connection of config.toml the one that is taken where none is named.\nOf a connection in pyproject.toml, say which line to change: that file is yours.';
  static override examples = ['<%= config.bin %> config use lab'];
  static override args = { name: string({ required: true, description: 'name of the connection' }) };

  async run(): Promise<void> {
    const { args } = await this.parse(ConfigUse);
    const { before } = await useConnection(this.context, args.name);
    const { cwd, env } = this.context;
    const place = `the default in ${configPath(this.context)}`;
    this.print({ success: true, default: args.name, before: before ?? null, file: configFile(env) }, [
      before === args.name ? `"${args.name}" was ${place} already.` : `"${args.name}" is ${place} now.`,
    ]);
    const first = (await listConnections(cwd, env)).find(
      ({ source, isDefault }) => source === 'pyproject' && isDefault,
    );
    if (first && !this.json) this.note(`In this folder pyproject.toml goes first, with "${first.name}".`);
  }
}
