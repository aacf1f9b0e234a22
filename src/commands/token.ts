import { boolean, option, string } from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.ts';
import { parseSeconds } from '../cli/duration.ts';
import { targetArgs } from '../cli/target-args.ts';
import { findToken } from '../cli/token.ts';
import { TOKEN_FORMATS, tokenDocument, tokenLine } from '../cli/token-view.ts';

const formatFlag = option({ options: TOKEN_FORMATS });

export default class Token extends BaseCommand {
  static override description =
    'Print an access token, renewed where that is needed: for a script, another program or another service.\nWhoever has it can do what it allows until it ends: ask for no more than is needed (--scope, --aud).';
  static override examples = [
    '<%= config.bin %> token',
    'curl -H "$(<%= config.bin %> token --format header)" https://lab.example.org:9094/...',
    'eval "$(<%= config.bin %> token --scope runs:read --format env)"',
    '<%= config.bin %> token --pretty',
  ];
  static override args = targetArgs;
  static override flags = {
    format: formatFlag({ description: 'how to print it', default: 'raw' }),
    time: string({
      description: 'the token must be good for that long: 90s, 5m, or seconds',
      default: '60s',
      helpValue: 'TIME',
    }),
    scope: string({
      char: 's',
      description: 'only for this (repeatable): runs:read, runs:write, nodes:read, ...',
      multiple: true,
      helpValue: 'SCOPE',
    }),
    aud: string({
      description: 'for this service instead of the server (repeatable)',
      multiple: true,
      helpValue: 'AUDIENCE',
    }),
    'no-exchange': boolean({
      description: 'the token that came from the identity provider, where the server lets you have it',
      exclusive: ['scope', 'aud'],
    }),
    pretty: boolean({ description: 'show what is in it instead' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Token);
    const found = await findToken(this.context, {
      positionals: [args.app, args.federation],
      time: parseSeconds(flags.time),
      scopes: (flags.scope ?? []).flatMap((text) => text.split(/[ ,]/)).filter(Boolean),
      audience: flags.aud ?? [],
      exchange: !flags['no-exchange'],
    });
    if (flags.pretty) {
      const { decodedDocument, decodedLines, decodeToken } = await import('../cli/token-claims-view.ts');
      const decoded = decodeToken(found.token);
      return this.print(decodedDocument(decoded), decodedLines(decoded, this.context.clock.now()));
    }
    const format = this.json || flags.format === 'json' ? 'raw' : flags.format;
    this.print(tokenDocument(found), [tokenLine[format](found.token.reveal())]);
  }
}
