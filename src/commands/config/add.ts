import { string } from '@oclif/core/args';
import { boolean, string as stringFlag } from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { addConnection } from '../../cli/config-change.ts';
import { configPath } from '../../cli/config-view.ts';
import { configFile } from '../../project/connections.ts';

export default class ConfigAdd extends BaseCommand {
  static override description =
    'Add a connection to config.toml, where flwr finds it, too.\nThe file is $FLWR_HOME/config.toml, ~/.flwr by default. The first connection becomes the default; all else in the file stays as it is.';
  static override examples = [
    '<%= config.bin %> config add lab --address lab.example.org:9093 --root-certificates ca.pem',
    '<%= config.bin %> config add local --address 127.0.0.1:9093 --insecure --default',
  ];
  static override args = { name: string({ required: true, description: 'name of the connection' }) };
  static override flags = {
    address: stringFlag({ required: true, description: 'host:port of the server', helpValue: 'HOST:PORT' }),
    'root-certificates': stringFlag({
      description: "PEM file of the server's certificate authority; the system's roots by default",
      helpValue: 'FILE',
    }),
    insecure: boolean({
      description: 'no TLS: for a SuperLink without login on this machine',
      exclusive: ['root-certificates'],
    }),
    federation: stringFlag({
      description: "federation to mean where none is named; the server's default by default",
      helpValue: '@OWNER/NAME',
    }),
    default: boolean({ description: 'make it the default' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ConfigAdd);
    const { isDefault } = await addConnection(this.context, {
      name: args.name,
      address: flags.address,
      rootCertificates: flags['root-certificates'],
      insecure: flags.insecure,
      federation: flags.federation,
      makeDefault: flags.default,
    });
    const file = configFile(this.context.env);
    this.print({ success: true, name: args.name, default: isDefault, file }, [
      `Added "${args.name}" to ${configPath(this.context)}${isDefault ? ', as the default' : ''}.`,
    ]);
  }
}
