import { string as text } from '@oclif/core/args';
import { boolean, option, string } from '@oclif/core/flags';
import { askSecret, canAsk, pipedSecret } from '../../cli/ask.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { safeLine } from '../../cli/text.ts';
import type { SetupAnswers } from '../../server/setup-idp.ts';

const KINDS = ['keycloak', 'entra-id', 'okta', 'auth0', 'google', 'authentik', 'dex', 'other'] as const;
const kindFlag = option({ options: KINDS });

export default class ServerSetupIdp extends BaseCommand {
  static override description =
    'Connect an identity provider: look at it, tell which client to make there or register one, write its [[oidc]] table.';
  static override examples = [
    '<%= config.bin %> server setup-idp',
    '<%= config.bin %> server setup-idp https://id.example.org/realms/lab --client-id fedctl',
    '<%= config.bin %> server setup-idp --kind entra-id --part tenant=11111111-2222-3333-4444-555555555555 --dry-run',
    '<%= config.bin %> server setup-idp https://id.example.org --register --registration-token-file token',
  ];
  static override args = { issuer: text({ description: 'issuer URL of the provider' }) };
  static override flags = {
    config: string({ char: 'c', description: 'configuration file', default: 'server.toml', helpValue: 'FILE' }),
    kind: kindFlag({ description: 'kind of provider; by default what the issuer looks like' }),
    part: string({
      description: 'a part of the issuer of that kind: host, realm, tenant, ...',
      multiple: true,
      helpValue: 'NAME=VALUE',
    }),
    alias: string({ description: 'short name; it becomes part of OpenFGA ids', helpValue: 'NAME' }),
    name: string({ description: 'name for people', helpValue: 'NAME' }),
    'client-id': string({ description: 'client that was made there', helpValue: 'ID', exclusive: ['register'] }),
    'client-secret-file': string({
      description: 'file that holds the client secret; by default a new one beside the configuration',
      helpValue: 'FILE',
    }),
    'client-secret-stdin': boolean({ description: 'read the client secret from standard input', default: false }),
    ca: string({ description: 'CA certificates of the provider, PEM', helpValue: 'FILE' }),
    'groups-claim': string({ description: 'claim with group names', helpValue: 'CLAIM' }),
    'username-claim': string({ description: 'claim from which accounts get their names', helpValue: 'CLAIM' }),
    'allow-http': boolean({ description: 'accept http on a loopback address, for development', default: false }),
    register: boolean({ description: 'let the provider make the client (RFC 7591)', default: false }),
    'registration-token-file': string({
      description: 'file with the token that lets us register',
      helpValue: 'FILE',
      dependsOn: ['register'],
    }),
    'dry-run': boolean({ description: 'look and tell, but change nothing', default: false }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ServerSetupIdp);
    const { runSetup } = await import('../../server/setup-idp.ts');
    const { context } = this;
    const { config, kind, ...given } = flags;
    const answers: SetupAnswers = {
      ...given,
      issuer: args.issuer,
      kind,
      parts: flags.part ?? [],
      configFile: config,
    };
    const { askLine } = await import('../../cli/ask.ts');
    const { document, lines } = await runSetup(answers, {
      note: (line) => this.note(safeLine(line)),
      ask: canAsk(context) ? (question) => askLine(context, question) : undefined,
      askSecret: canAsk(context) ? (question) => askSecret(context, question) : undefined,
      pipedSecret,
    });
    this.print(document, lines.map(safeLine));
  }
}
