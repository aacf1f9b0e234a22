import { boolean, string } from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { openPlane, positionalsOf } from '../../cli/control.ts';
import { grantDocument, grantTable } from '../../cli/grant-view.ts';
import { targetFlags } from '../../cli/target-args.ts';
import { safeLine } from '../../cli/text.ts';

export default class AdminGrants extends BaseCommand {
  static override description = 'List the grants that you may administer.';
  static override examples = [
    '<%= config.bin %> admin grants --object run:1234567890',
    '<%= config.bin %> admin grants --who bob --tuples',
  ];
  static override flags = {
    who: string({ description: 'only grants to this account, group or principal', default: '', noCacheDefault: true }),
    object: string({ description: 'only grants on this object', default: '', noCacheDefault: true }),
    tuples: boolean({ description: 'print the stored OpenFGA tuples: user relation object' }),
    ...targetFlags,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(AdminGrants);
    const { client, session } = await openPlane(this.context, positionalsOf(flags));
    const method = client.access.listGrants.bind(client.access);
    const { grants } = await session.call(method, { who: flags.who, object: flags.object });
    const layout = { width: this.stdio.columns, unicode: this.stdio.unicode };
    const lines = flags.tuples ? grants.map((grant) => safeLine(grant.tuple)) : await grantTable(grants, layout);
    this.print({ success: true, grants: grants.map(grantDocument) }, grants.length === 0 ? ['No grants.'] : lines);
  }
}
