import { boolean, string } from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.ts';
import { openControl } from '../cli/control.ts';
import { exitCodeOfRun } from '../cli/exit-codes.ts';
import { flwrVersionFlag } from '../cli/flwr-version.ts';
import { printLog } from '../cli/follow.ts';
import { outcomeDocument, outcomeLine } from '../cli/run-view.ts';
import { prepareSubmission, submit } from '../cli/submit.ts';
import { submittedDocument, submittedLine } from '../cli/submit-view.ts';
import { targetArgs } from '../cli/target-args.ts';

export default class Run extends BaseCommand {
  static override description =
    'Bundle an app, submit it, and print the id of its run. Only you can see the run.\nWith --stream the log follows, and the exit code is the outcome: 0 completed, 10 failed, 11 stopped.';
  static override examples = [
    '<%= config.bin %> run',
    '<%= config.bin %> run . lab --stream',
    `<%= config.bin %> run -c 'num-server-rounds=5 lr=0.1'`,
  ];
  static override args = targetArgs;
  static override flags = {
    stream: boolean({ description: 'follow the log to the end of the run' }),
    'run-config': string({
      char: 'c',
      multiple: true,
      multipleNonGreedy: true,
      description: `change values of [tool.flwr.app.config]: 'key=value ...' or a .toml file`,
      helpValue: 'PAIRS',
    }),
    'federation-config': string({
      multiple: true,
      multipleNonGreedy: true,
      description: "change the connection's options: 'key=value ...' or a .toml file",
      helpValue: 'PAIRS',
    }),
    federation: string({
      description: "federation on the server; by default the connection's, else the server's",
      helpValue: '@OWNER/NAME',
    }),
    'flwr-version': flwrVersionFlag,
    'request-id': string({ description: 'name of this submission: repeating it gives the same run', helpValue: 'ID' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Run);
    const control = await openControl(this.context, [args.app, args.federation]);
    const submission = await prepareSubmission(this.context, control, {
      runConfig: flags['run-config'] ?? [],
      federationConfig: flags['federation-config'] ?? [],
      federation: flags.federation,
      requestId: flags['request-id'],
      flwrVersion: flags['flwr-version'],
    });
    if (flags['request-id'] !== undefined && control.remote.kind === 'superlink') {
      this.note('A SuperLink knows no request ids: submitting again with the same one starts another run.');
    }
    const run = await submit(this.context, control, submission);
    const document = submittedDocument(run, submission.bundle);
    if (!flags.stream) return this.print(document, [submittedLine(run, submission.bundle)]);
    if (!this.json) this.stdio.out(`${submittedLine(run, submission.bundle)}\n`);
    const { finished, text } = await printLog(this.context, control, { runId: run.runId, follow: true });
    if (finished === undefined) return;
    this.print({ ...document, ...outcomeDocument(finished), log: text }, []);
    this.note(outcomeLine(finished));
    process.exitCode = exitCodeOfRun(finished.status);
  }
}
