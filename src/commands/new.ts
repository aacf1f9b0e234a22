import { relative, resolve } from 'node:path';
import { string } from '@oclif/core/args';
import { option } from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.ts';
import type { Context } from '../cli/context.ts';
import { findTarget } from '../cli/control.ts';
import { publisherName } from '../cli/publisher.ts';
import { createApp, TEMPLATES } from '../project/new.ts';

const templateFlag = option({ options: TEMPLATES });

export default class New extends BaseCommand {
  static override description = 'Make a Flower app in a new folder.';
  static override examples = ['<%= config.bin %> new my-app', '<%= config.bin %> new my-app --template pytorch'];
  static override args = {
    name: string({ required: true, description: 'letters, digits and "-"; also the name of the folder' }),
  };
  static override flags = {
    template: templateFlag({ description: 'what to begin with', default: 'numpy', noCacheDefault: true }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(New);
    const { cwd, env } = this.context;
    const dir = resolve(cwd, args.name);
    const publisher = publisherName(env);
    const files = await createApp({ name: args.name, template: flags.template, dir, publisher });
    const folder = relative(cwd, dir) || '.';
    const known = await hasConnection(this.context, dir);
    const next = known
      ? `Next: cd ${folder} && fedctl login`
      : `Next: cd ${folder}, name your server at the end of pyproject.toml, then: fedctl login`;
    this.print({ success: true, path: dir, files }, [`Made ${args.name} in ${folder}, ${files.length} files.`, next]);
  }
}

/** True where config.toml names a server already. */
async function hasConnection(context: Context, dir: string): Promise<boolean> {
  return await findTarget(context, [dir]).then(
    () => true,
    () => false,
  );
}
