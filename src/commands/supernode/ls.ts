import { boolean, string } from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { openControl } from '../../cli/control.ts';
import { nodeDocument, nodeTable } from '../../cli/node-view.ts';
import { targetArgs } from '../../cli/target-args.ts';

export default class SupernodeLs extends BaseCommand {
  static override hiddenAliases = ['supernode:list'];
  static override description =
    'List the SuperNodes of the federations that you may see.\nFOR is how long a SuperNode has been what STATUS says.';
  static override examples = [
    '<%= config.bin %> supernode ls',
    '<%= config.bin %> supernode ls --federation @lab/default --json',
  ];
  static override args = targetArgs;
  static override flags = {
    federation: string({
      description: 'only those that serve this federation',
      default: '',
      noCacheDefault: true,
      helpValue: '@OWNER/NAME',
    }),
    all: boolean({ description: 'also those that have been unregistered' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SupernodeLs);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    const { supernodes, now } = await remote.listSupernodes({ federation: flags.federation });
    const shown = supernodes.filter(({ status }) => flags.all || status !== 'unregistered');
    const lines = shown.length === 0 ? ['No SuperNodes.'] : await nodeTable(shown, now, this.stdio);
    this.print({ success: true, nodes: shown.map((node) => nodeDocument(node, now)) }, lines);
  }
}
