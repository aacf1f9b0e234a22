import { string } from '@oclif/core/args';
import { string as stringFlag } from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { openControl } from '../../cli/control.ts';
import { readPublicKey } from '../../cli/public-key.ts';
import { targetArgs } from '../../cli/target-args.ts';
import { checkFederationId } from '../../core/ids.ts';

export default class SupernodeRegister extends BaseCommand {
  static override description = `Let a SuperNode with this key join.

The key is on a NIST curve; its private half stays on the SuperNode, which is started with \
--auth-supernode-private-key. The SuperLink must run with --enable-supernode-auth.`;
  static override examples = [
    '<%= config.bin %> supernode register supernode-key.pub',
    '<%= config.bin %> supernode register supernode-key.pub --federation @lab/default --name radiology',
  ];
  static override args = {
    public_key: string({ required: true, description: 'file with the public key: OpenSSH or PEM' }),
    ...targetArgs,
  };
  static override flags = {
    federation: stringFlag({
      description: 'federation that it is registered for',
      helpValue: '@OWNER/NAME',
    }),
    name: stringFlag({ description: 'name of the SuperNode', default: '', noCacheDefault: true }),
    location: stringFlag({
      description: 'where it is, in degrees: 48.137,11.575',
      default: '',
      noCacheDefault: true,
      helpValue: 'LATITUDE,LONGITUDE',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SupernodeRegister);
    const publicKey = await readPublicKey(args.public_key, this.context.cwd);
    const { remote, connection } = await openControl(this.context, [args.app, args.federation]);
    const named = flags.federation ?? connection.federation ?? '';
    const federation = named === '' ? '' : checkFederationId(named);
    const { nodeId } = await remote.registerSupernode({
      federation,
      publicKey,
      name: flags.name,
      location: flags.location,
    });
    this.print({ success: true, 'node-id': String(nodeId) }, [`Registered SuperNode ${nodeId}.`]);
  }
}
