import { string } from '@oclif/core/args';
import { BaseCommand } from '../cli/base-command.ts';
import { openControl } from '../cli/control.ts';
import { resolveRunId } from '../cli/resolve-run.ts';
import { RUN_ID_HELP, targetArgs } from '../cli/target-args.ts';
import { safeLine } from '../cli/text.ts';

export default class Stop extends BaseCommand {
  static override description = 'Stop a run.';
  static override examples = ['<%= config.bin %> stop latest', '<%= config.bin %> stop 1234567'];
  static override args = { run_id: string({ required: true, description: RUN_ID_HELP }), ...targetArgs };

  async run(): Promise<void> {
    const { args } = await this.parse(Stop);
    const control = await openControl(this.context, [args.app, args.federation]);
    const runId = await resolveRunId(args.run_id, control);
    const { run } = await control.remote.stopRun({ runId });
    const status = safeLine(run?.status ?? '');
    const done = status.startsWith('finished:') ? 'is stopped' : 'is being stopped';
    this.print({ success: true, 'run-id': String(runId), status }, [`Run ${runId} ${done}.`]);
  }
}
