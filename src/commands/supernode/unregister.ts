import { BaseCommand } from '../../cli/base-command.ts';
import { confirm } from '../../cli/confirm.ts';
import { openControl } from '../../cli/control.ts';
import { nodeIdArg, readNodeId, yesFlag } from '../../cli/federation-args.ts';
import { targetArgs } from '../../cli/target-args.ts';

export default class SupernodeUnregister extends BaseCommand {
  static override description = 'Take the right to join from a SuperNode. It takes no part in runs from then on.';
  static override examples = ['<%= config.bin %> supernode unregister 1234567890123456789'];
  static override args = { node_id: nodeIdArg, ...targetArgs };
  static override flags = yesFlag;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SupernodeUnregister);
    const nodeId = readNodeId(args.node_id);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    await confirm(this.context, { question: `Unregister SuperNode ${nodeId}?`, yes: flags.yes });
    await remote.unregisterSupernode({ nodeId });
    this.print({ success: true, 'node-id': String(nodeId) }, [`Unregistered SuperNode ${nodeId}.`]);
  }
}
