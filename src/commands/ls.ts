import { boolean, integer, string } from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.ts';
import { openControl } from '../cli/control.ts';
import { listRuns } from '../cli/list-runs.ts';
import { RUN_ID_HELP, targetArgs } from '../cli/target-args.ts';
import { safeLine } from '../cli/text.ts';
import { shellWord } from '../core/text.ts';

export default class Ls extends BaseCommand {
  static override description = 'List the runs that you may see, newest first.';
  static override examples = [
    '<%= config.bin %> ls',
    '<%= config.bin %> ls --mine --limit 5',
    '<%= config.bin %> ls --run-id latest --format json',
  ];
  static override args = targetArgs;
  static override flags = {
    'run-id': string({ description: `one run only, in full: ${RUN_ID_HELP}`, exclusive: ['limit', 'cursor', 'mine'] }),
    limit: integer({
      description: 'at most this many runs, 1 to 200',
      min: 1,
      max: 200,
      default: 20,
      noCacheDefault: true,
    }),
    cursor: string({ description: 'go on after the page that named this cursor' }),
    mine: boolean({ description: 'only runs that you submitted' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Ls);
    const control = await openControl(this.context, [args.app, args.federation]);
    if (flags.mine && control.remote.kind === 'superlink') {
      this.note('A SuperLink lists the runs that it has for you: --mine changes nothing.');
    }
    const { runId, ...filter } = { ...flags, runId: flags['run-id'] };
    const listed = await listRuns(control, { runId, ...filter }, this.stdio);
    this.print(listed.document, listed.lines);
    if (listed.nextCursor === '' || this.json) return;
    const typed = [args.app, args.federation].filter((word) => word !== undefined).map(shellWord);
    const same = [...typed, ...(flags.mine ? ['--mine'] : []), ...(flags.limit === 20 ? [] : ['--limit', flags.limit])];
    this.note(`More: ${['fedctl ls', ...same, '--cursor', safeLine(listed.nextCursor)].join(' ')}`);
  }
}
