import { BaseCommand } from '../../cli/base-command.ts';
import { openControl } from '../../cli/control.ts';
import { federationArgs, nodeIdArg, readNodeId } from '../../cli/federation-args.ts';
import { checkFederationId } from '../../core/ids.ts';

export default class FederationAddSupernode extends BaseCommand {
  static override description =
    'Make sure that a SuperNode serves a federation.\nIt does where both are on one engine: a SuperLink serves all its federations with all its SuperNodes.';
  static override examples = ['<%= config.bin %> federation add-supernode 1234567890123456789 @lab/hearts'];
  static override args = { node_id: nodeIdArg, ...federationArgs };

  async run(): Promise<void> {
    const { args } = await this.parse(FederationAddSupernode);
    const nodeId = readNodeId(args.node_id);
    const id = checkFederationId(args.id);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    await remote.addSupernode({ federation: id, nodeId });
    this.print({ success: true, 'node-id': String(nodeId), 'federation-id': id }, [
      `SuperNode ${nodeId} serves ${id}.`,
    ]);
  }
}
