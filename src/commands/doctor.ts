import { boolean } from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.ts';
import { examine } from '../cli/doctor.ts';
import { redactFinding, redactionHere, reportLines } from '../cli/doctor-report.ts';
import { failureOf, findingLines } from '../cli/doctor-view.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { targetArgs } from '../cli/target-args.ts';

export default class Doctor extends BaseCommand {
  static override description =
    'Look at all that stands between this machine and a run; say what to do about it.\nExits with 1 if anything fails.';
  static override examples = [
    '<%= config.bin %> doctor',
    '<%= config.bin %> doctor ./my-app lab --json',
    '<%= config.bin %> doctor --report > report.md',
  ];
  static override args = targetArgs;
  static override flags = {
    report: boolean({
      description: 'print a report for a ticket: without tokens, names of people, and paths of this machine',
      default: false,
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Doctor);
    const { findings: all, project, accounts } = await examine(this.context, [args.app, args.federation]);
    const redaction = redactionHere(project, accounts);
    const findings = flags.report ? all.map((finding) => redactFinding(finding, redaction)) : all;
    const healthy = findings.every(({ state }) => state !== 'fail');
    const { program, clock } = this.context;
    const lines = flags.report
      ? reportLines(findings, { program, now: clock.now() })
      : findingLines(findings, this.stdio.outIsTty ? this.stdio.columns : undefined);
    this.print({ success: healthy, ...failureOf(findings), findings }, lines);
    if (!healthy) process.exitCode = EXIT.failed;
  }
}
