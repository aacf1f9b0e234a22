import { BaseCommand } from '../../cli/base-command.ts';
import { openControl } from '../../cli/control.ts';
import { federationArgs, nodeIdArg, readNodeId } from '../../cli/federation-args.ts';
import { checkFederationId } from '../../core/ids.ts';

export default class FederationRemoveSupernode extends BaseCommand {
  static override description =
    'Take a SuperNode out of a federation, where the server can.\nOurs refuses: a SuperLink serves all its federations with all its SuperNodes.';
  static override examples = ['<%= config.bin %> federation remove-supernode 1234567890123456789 @lab/hearts'];
  static override args = { node_id: nodeIdArg, ...federationArgs };

  async run(): Promise<void> {
    const { args } = await this.parse(FederationRemoveSupernode);
    const nodeId = readNodeId(args.node_id);
    const id = checkFederationId(args.id);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    await remote.removeSupernode({ federation: id, nodeId });
    this.print({ success: true, 'node-id': String(nodeId), 'federation-id': id }, [
      `SuperNode ${nodeId} serves ${id} no longer.`,
    ]);
  }
}
