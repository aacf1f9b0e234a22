import { string } from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { openPlane, positionalsOf } from '../../cli/control.ts';
import { parseDuration, secondsUntil } from '../../cli/duration.ts';
import { grantArgs } from '../../cli/grant-args.ts';
import { grantDocument, grantSentence } from '../../cli/grant-view.ts';
import { targetFlags } from '../../cli/target-args.ts';

export default class AdminGrant extends BaseCommand {
  static override description = 'Give somebody a role on an object, for a time or without end.';
  static override examples = [
    '<%= config.bin %> admin grant bob viewer run:1234567890 --for 1h',
    '<%= config.bin %> admin grant group:physicists runner federation:@lab/default',
  ];
  static override args = grantArgs;
  static override flags = {
    for: string({ description: 'end after this time: 45m, 1h, 7d', helpValue: 'TIME', exclusive: ['until'] }),
    until: string({ description: 'end at this time: 2026-12-01T18:00Z', helpValue: 'WHEN' }),
    ...targetFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AdminGrant);
    const seconds = secondsOf(flags, this.context.clock.now());
    const { client, session } = await openPlane(this.context, positionalsOf(flags));
    const method = client.access.grant.bind(client.access);
    const { grant, unchanged } = await session.call(method, { ...args, forSeconds: BigInt(seconds) });
    const shown = grant ?? { ...args, principal: '', until: '', tuple: '' };
    const line = `${grantSentence(shown)}${unchanged ? ', as before' : ''}.`;
    this.print({ success: true, unchanged, grant: grantDocument(shown) }, [line]);
  }
}

/** Seconds that a grant lasts; 0 = without end. */
function secondsOf(flags: { for?: string | undefined; until?: string | undefined }, now: number): number {
  if (flags.for !== undefined) return parseDuration(flags.for);
  return flags.until === undefined ? 0 : secondsUntil(flags.until, now);
}
