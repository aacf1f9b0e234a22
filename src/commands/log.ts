import { string } from '@oclif/core/args';
import { boolean } from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.ts';
import { openControl } from '../cli/control.ts';
import { exitCodeOfRun } from '../cli/exit-codes.ts';
import { printLog } from '../cli/follow.ts';
import { resolveRunId } from '../cli/resolve-run.ts';
import { outcomeLine } from '../cli/run-view.ts';
import { RUN_ID_HELP, targetArgs } from '../cli/target-args.ts';
import { safeLine } from '../cli/text.ts';

export default class Log extends BaseCommand {
  static override description =
    'Show the log of a run and follow it to its end.\n' +
    'Lost connections are taken up again where they broke. Exits with the outcome of the run: 0 completed, 10 failed, 11 stopped; with --show always 0.';
  static override examples = ['<%= config.bin %> log latest', '<%= config.bin %> log 1234567 --show'];
  static override args = { run_id: string({ required: true, description: RUN_ID_HELP }), ...targetArgs };
  static override flags = {
    show: boolean({ description: 'print what there is and end', exclusive: ['stream'] }),
    stream: boolean({ description: 'follow until the run has finished (default)' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Log);
    const control = await openControl(this.context, [args.app, args.federation]);
    const runId = await resolveRunId(args.run_id, control);
    const { finished, text } = await printLog(this.context, control, { runId, follow: !flags.show });
    const status = finished === undefined ? null : safeLine(finished.status);
    this.print({ success: true, 'run-id': String(runId), status, log: text }, []);
    if (flags.show || finished === undefined) return;
    this.note(outcomeLine(finished));
    process.exitCode = exitCodeOfRun(finished.status);
  }
}
