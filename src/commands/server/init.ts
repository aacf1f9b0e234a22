import { boolean, string } from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { safeLine } from '../../cli/text.ts';

export default class ServerInit extends BaseCommand {
  static override description = 'Write a commented server.toml and a master key.';
  static override examples = [
    '<%= config.bin %> server init --issuer https://idp.example.com --client-id fedctl --openfga https://fga.example.com --engine 10.0.0.5:9093',
    '<%= config.bin %> server init --admin https://idp.example.com 8f4e2c --dir /etc/fedctl',
  ];
  static override flags = {
    dir: string({ description: 'folder to write to', default: '.', helpValue: 'DIR' }),
    admin: string({ description: 'issuer and subject of a first admin', multiple: true, helpValue: 'ISSUER SUBJECT' }),
    issuer: string({ description: 'issuer URL of the identity provider', helpValue: 'URL' }),
    'client-id': string({ description: 'client that is registered there', helpValue: 'ID' }),
    openfga: string({ description: 'HTTP API of OpenFGA', helpValue: 'URL' }),
    engine: string({ description: "the SuperLink's Control API", helpValue: 'HOST:PORT' }),
    force: boolean({ description: 'overwrite server.toml; the master key always stays', default: false }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(ServerInit);
    const admins = flags.admin ?? [];
    if (admins.length % 2 !== 0) this.error('--admin takes two values: ISSUER SUBJECT', { exit: EXIT.usage });
    const [{ initServer }, { initValues, nextSteps }, { createMasterKeyFile }] = await Promise.all([
      import('../../server/config/init.ts'),
      import('../../server/config/init-values.ts'),
      import('../../server/identity/vault.ts'),
    ]);
    const { dir, force, ...given } = flags;
    const values = initValues({ ...given, clientId: flags['client-id'], admins });
    const result = await initServer({ dir, force, values, createMasterKey: createMasterKeyFile });
    const steps = nextSteps(result.configFile);
    this.print(
      { success: true, 'config-file': result.configFile, 'master-key-file': result.masterKeyFile, 'next-steps': steps },
      [
        `Written: ${safeLine(result.configFile)}`,
        `${result.masterKeyMade ? 'Written' : 'Kept'}: ${safeLine(result.masterKeyFile)} (keep a copy in a safe place)`,
        'Next:',
        ...steps.map((step, index) => `  ${index + 1}. ${safeLine(step)}`),
      ],
    );
  }
}
