import { BaseCommand } from '../cli/base-command.ts';
import { examine } from '../cli/doctor.ts';
import { failureOf, findingLines } from '../cli/doctor-view.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { targetArgs } from '../cli/target-args.ts';

export default class Doctor extends BaseCommand {
  static override description =
    'Look at all that stands between this machine and a run; say what to do about it.\nExits with 1 if anything fails.';
  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor ./my-app lab --json'];
  static override args = targetArgs;

  async run(): Promise<void> {
    const { args } = await this.parse(Doctor);
    const findings = await examine(this.context, [args.app, args.federation]);
    const healthy = findings.every(({ state }) => state !== 'fail');
    this.print(
      { success: healthy, ...failureOf(findings), findings },
      findingLines(findings, this.stdio.outIsTty ? this.stdio.columns : undefined),
    );
    if (!healthy) process.exitCode = EXIT.failed;
  }
}
