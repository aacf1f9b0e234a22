import { string } from '@oclif/core/args';
import { boolean, string as stringFlag } from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.ts';
import { openControl } from '../cli/control.ts';
import { roughTime } from '../cli/duration.ts';
import { byteSize } from '../cli/progress.ts';
import { pullRun } from '../cli/pull.ts';
import { resolveRunId } from '../cli/resolve-run.ts';
import { RUN_ID_HELP, targetArgs } from '../cli/target-args.ts';
import { safeLine } from '../cli/text.ts';

export default class Pull extends BaseCommand {
  static override description = `Get the files that a run left behind, as an archive.

Prints the URL that they can be fetched from for a few minutes, by whoever has it. \
With --output it fetches them: whole or not at all, over TLS with the certificates of the connection.`;
  static override examples = ['<%= config.bin %> pull latest', '<%= config.bin %> pull 1234567 --output results/'];
  static override args = { run_id: string({ required: true, description: RUN_ID_HELP }), ...targetArgs };
  static override flags = {
    output: stringFlag({ char: 'o', description: 'fetch them into this file or folder', helpValue: 'FILE|DIR' }),
    force: boolean({ description: 'replace a file that stands there', dependsOn: ['output'] }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Pull);
    const control = await openControl(this.context, [args.app, args.federation]);
    const runId = await resolveRunId(args.run_id, control);
    if (flags.output !== undefined) {
      const pulled = await pullRun(this.context, control, { runId, output: flags.output, overwrite: flags.force });
      this.print({ success: true, 'run-id': String(runId), ...pulled }, [
        `${pulled.path}: ${byteSize(pulled.size)}`,
        `SHA-256 ${pulled.sha256}`,
      ]);
      return;
    }
    const { url, expiresIn } = await control.remote.pullArtifacts({ runId });
    const lifetime = expiresIn === 0 ? null : expiresIn;
    this.print({ success: true, 'run-id': String(runId), url: safeLine(url), 'expires-in': lifetime }, [safeLine(url)]);
    const valid = lifetime === null ? 'for a time' : `for ${roughTime(lifetime)}`;
    if (!this.json) this.note(`Good ${valid}: whoever has this URL can fetch the files.`);
  }
}
