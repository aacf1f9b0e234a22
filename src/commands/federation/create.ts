import { boolean, string } from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { openControl } from '../../cli/control.ts';
import { federationArgs } from '../../cli/federation-args.ts';
import { federationDocument } from '../../cli/federation-view.ts';
import { checkFederationId } from '../../core/ids.ts';

export default class FederationCreate extends BaseCommand {
  static override description =
    'Make a federation on one of the engines of the server.\nIt has the SuperNodes of that engine. Invite people with "federation invite create".';
  static override examples = [
    '<%= config.bin %> federation create @lab/hearts --description "Cardiology, five sites"',
    '<%= config.bin %> federation create @lab/tests --simulation',
  ];
  static override args = federationArgs;
  static override flags = {
    description: string({ description: 'what it is for', default: '', noCacheDefault: true }),
    simulation: boolean({ description: 'for simulations, which need no SuperNodes' }),
    engine: string({
      description: 'engine that serves it; that of the default federation by default',
      default: '',
      noCacheDefault: true,
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(FederationCreate);
    const id = checkFederationId(args.id);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    const { description, simulation, engine } = flags;
    const { federation } = await remote.createFederation({ federation: id, description, simulation, engine });
    const document = federation === undefined ? null : federationDocument(federation);
    this.print({ success: true, 'federation-id': id, federation: document }, [`Made the federation ${id}.`]);
  }
}
