import { boolean } from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { openControl } from '../../cli/control.ts';
import { federationDocument, federationTable } from '../../cli/federation-view.ts';
import { targetArgs } from '../../cli/target-args.ts';

export default class FederationLs extends BaseCommand {
  static override hiddenAliases = ['federation:list'];
  static override description = 'List the federations that you belong to or may see.';
  static override examples = ['<%= config.bin %> federation ls', '<%= config.bin %> federation ls --all --json'];
  static override args = targetArgs;
  static override flags = { all: boolean({ description: 'also those that have been archived' }) };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(FederationLs);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    const { federations } = await remote.listFederations({});
    const shown = federations.filter(({ archived }) => flags.all || !archived);
    const lines = shown.length === 0 ? ['No federations.'] : await federationTable(shown, this.stdio);
    this.print({ success: true, federations: shown.map(federationDocument) }, lines);
  }
}
