import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { string } from '@oclif/core/args';
import { BaseCommand } from '../cli/base-command.ts';
import { flwrVersionFlag } from '../cli/flwr-version.ts';
import { byteSize } from '../cli/progress.ts';
import { familyOf } from '../core/bundle-families.ts';
import { buildBundle } from '../project/bundle.ts';

export default class Build extends BaseCommand {
  static override description =
    'Bundle an app into a .fab file in this folder, as "run" would send it to an engine of the newest release, or of the one given.';
  static override examples = [
    '<%= config.bin %> build',
    '<%= config.bin %> build ./my-app',
    '<%= config.bin %> build --flwr-version 1.26.1',
  ];
  static override args = { app: string({ description: 'folder of the app', default: '.', noCacheDefault: true }) };

  static override flags = { 'flwr-version': flwrVersionFlag };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Build);
    const { cwd } = this.context;
    const release = flags['flwr-version'];
    const bundle = await buildBundle(
      resolve(cwd, args.app),
      release === undefined ? {} : { family: familyOf(release) },
    );
    const path = resolve(cwd, bundle.fileName);
    await writeFile(path, bundle.content);
    for (const warning of bundle.warnings) this.note(warning);
    const document = {
      success: true,
      path,
      'fab-filename': bundle.fileName,
      'fab-id': bundle.app,
      'fab-version': bundle.version,
      'fab-hash': bundle.sha256,
      size: bundle.content.length,
      files: bundle.files.length,
    };
    const size = byteSize(bundle.content.length);
    this.print(document, [`${bundle.fileName}: ${bundle.files.length} files, ${size}`, `SHA-256 ${bundle.sha256}`]);
  }
}
