import { string } from '@oclif/core/args';
import { BaseCommand } from '../../cli/base-command.ts';
import { openControl } from '../../cli/control.ts';
import { federationDocument, federationLines, memberDocument } from '../../cli/federation-view.ts';
import { targetArgs } from '../../cli/target-args.ts';
import { AppError } from '../../core/errors.ts';
import { checkFederationId } from '../../core/ids.ts';

export default class FederationShow extends BaseCommand {
  static override description = 'Show a federation and who belongs to it.';
  static override examples = [
    '<%= config.bin %> federation show',
    '<%= config.bin %> federation show @lab/default --json',
  ];
  static override args = {
    id: string({
      name: 'ID',
      description: "id of the federation: @owner/name; the connection's or the server's default by default",
    }),
    ...targetArgs,
  };

  async run(): Promise<void> {
    const { args } = await this.parse(FederationShow);
    // An id begins with "@": what does not is APP already.
    const named = args.id?.startsWith('@');
    const positionals = named ? [args.app, args.federation] : [args.id, args.app];
    const { remote, connection } = await openControl(this.context, positionals);
    const id = (named ? args.id : undefined) ?? connection.federation ?? '';
    const { federation, members } = await remote.showFederation({ federation: id === '' ? '' : checkFederationId(id) });
    if (federation === undefined) {
      throw new AppError(
        'INTERNAL',
        'ANSWER_MALFORMED',
        'The server answered without the federation that was asked for.',
      );
    }
    this.print(
      { success: true, federation: federationDocument(federation), members: members.map(memberDocument) },
      await federationLines(federation, members, this.stdio),
    );
  }
}
