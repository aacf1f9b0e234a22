import { resolve } from 'node:path';
import { string } from '@oclif/core/args';
import { BaseCommand } from '../../cli/base-command.ts';
import { connectionDocument, connectionLines, loginStateOf } from '../../cli/config-view.ts';
import { listConnections } from '../../project/connection-list.ts';
import { configFile } from '../../project/connections.ts';

export default class ConfigLs extends BaseCommand {
  static override description = `List the connections that a command here could use.

Those of pyproject.toml in this folder, then those of $FLWR_HOME/config.toml (~/.flwr by default). "*" is the one that is \
taken where none is named. No server is asked.`;
  static override examples = ['<%= config.bin %> config ls', '<%= config.bin %> config ls ./my-app --json'];
  static override args = {
    app: string({ name: 'APP', description: 'folder of the app', default: '.', noCacheDefault: true }),
  };

  async run(): Promise<void> {
    const { args } = await this.parse(ConfigLs);
    const { context } = this;
    const listed = await listConnections(resolve(context.cwd, args.app), context.env);
    const shown = [];
    for (const one of listed) shown.push({ listed: one, login: await loginStateOf(one.connection) });
    const chosen = listed.find(({ isDefault }) => isDefault)?.name ?? null;
    this.print(
      { success: true, default: chosen, connections: shown.map(connectionDocument) },
      shown.length > 0
        ? await connectionLines(shown, context)
        : ['No connections.', `Add one to ${configFile(context.env)}: fedctl config add NAME --address host:port`],
    );
  }
}
