import { resolve } from 'node:path';
import { boolean, integer, option, string } from '@oclif/core/flags';
import { refuseGrant } from '../client/grants/refused.ts';
import { AppError } from '../core/errors.ts';
import { GRANTS, type GrantName, type LoginSettings } from '../credentials/login-settings.ts';
import { STORAGE_KINDS, type StorageKind } from '../credentials/records.ts';
import { parseSeconds } from './duration.ts';
import type { LoginInput } from './login.ts';
import type { SecretOnStdin } from './login-secrets.ts';

const trueOrFalse = option({ options: ['true', 'false'] as const });
const BROWSER = 'BROWSER';
const MACHINE = 'MACHINE';

export const loginFlags = {
  grant: string({
    description:
      'auto, device_code, code, client_credentials, password or ci; by default the one of the last time, else the one that fits here',
    helpValue: 'NAME',
  }),
  force: boolean({ description: 'log in anew, even if you are logged in; the session before is ended' }),
  provider: string({ description: 'identity provider, where the server has several', helpValue: 'ALIAS' }),
  'list-providers': boolean({ description: 'list the identity providers of the server, and what they offer' }),
  scope: string({ description: 'ask for one more scope (repeatable)', multiple: true, helpValue: 'SCOPE' }),
  account: string({
    description: 'what to call this login, beside others of the connection; it is the active one after that',
    helpValue: 'NAME',
  }),
  storage: option({ options: STORAGE_KINDS })({
    description: 'how this login is kept, and later ones of the connection; by default as configured, else in a file',
  }),
  plain: boolean({ description: 'one line per change, no QR code (or FEDCTL_PLAIN=1): for screen readers' }),
  timeout: string({ description: 'give up after this time: 90s, 5m', helpValue: 'TIME' }),
  'launch-browser': trueOrFalse({
    description: 'open the browser; by default where there is one to be seen',
    helpGroup: BROWSER,
  }),
  'no-launch-browser': boolean({
    description: 'same as --launch-browser=false',
    exclusive: ['launch-browser'],
    helpGroup: BROWSER,
  }),
  'redirect-port': integer({
    description: 'port of this machine where the code grant waits for the browser; 0: any. 31111 by default',
    min: 0,
    max: 65535,
    helpValue: 'PORT',
    helpGroup: BROWSER,
  }),
  'no-wait': boolean({ description: 'start the login, print how to go on, and leave', helpGroup: BROWSER }),
  resume: string({
    description: 'go on with a login that was started with --no-wait; the newest by default',
    helpValue: '[ID]',
    exclusive: ['no-wait', 'grant'],
    helpGroup: BROWSER,
  }),
  prompt: option({ options: ['login'] as const })({
    description: 'let the provider ask who you are, even if it knows',
    helpGroup: BROWSER,
  }),
  'max-age': integer({
    description: 'the provider must have asked no longer ago than this',
    min: 0,
    helpValue: 'SECONDS',
    helpGroup: BROWSER,
  }),
  'acr-values': string({
    description: 'how strong the login must be, in words of the provider (repeatable)',
    multiple: true,
    helpValue: 'ACR',
    helpGroup: BROWSER,
  }),
  'login-hint': string({
    description: "account or e-mail, filled in on the provider's page",
    helpValue: 'NAME',
    helpGroup: BROWSER,
  }),
  authority: string({ description: 'issuer that a machine is a client of', helpValue: 'URL', helpGroup: MACHINE }),
  'authority-ca': string({
    description: 'PEM file to trust for --authority',
    helpValue: 'FILE',
    helpGroup: MACHINE,
  }),
  'client-id': string({ description: 'client at --authority', helpValue: 'ID', helpGroup: MACHINE }),
  'client-secret-file': string({
    description: 'its secret; or in FEDCTL_CLIENT_SECRET',
    helpValue: 'FILE',
    helpGroup: MACHINE,
  }),
  'client-secret-stdin': boolean({ description: 'read its secret from standard input', helpGroup: MACHINE }),
  'client-secret': string({ hidden: true }),
  audience: string({ description: 'audience to ask --authority for', helpValue: 'AUD', helpGroup: MACHINE }),
  'token-file': string({
    description: "token of a workload, such as a Kubernetes service account's",
    helpValue: 'FILE',
    helpGroup: MACHINE,
  }),
  'token-stdin': boolean({ description: 'read the token of a workload from standard input', helpGroup: MACHINE }),
  username: string({ description: 'user of the password grant', helpValue: 'NAME', helpGroup: MACHINE }),
  'password-stdin': boolean({ description: 'read the password from standard input', helpGroup: MACHINE }),
  password: string({ hidden: true }),
};

/** Values of {@link loginFlags} as oclif parses them. */
export interface LoginFlagValues {
  readonly grant?: string | undefined;
  readonly force: boolean;
  readonly provider?: string | undefined;
  readonly scope?: readonly string[] | undefined;
  readonly account?: string | undefined;
  readonly storage?: StorageKind | undefined;
  readonly plain: boolean;
  readonly timeout?: string | undefined;
  readonly 'launch-browser'?: 'true' | 'false' | undefined;
  readonly 'no-launch-browser': boolean;
  readonly 'redirect-port'?: number | undefined;
  readonly 'no-wait': boolean;
  readonly resume?: string | undefined;
  readonly prompt?: 'login' | undefined;
  readonly 'max-age'?: number | undefined;
  readonly 'acr-values'?: readonly string[] | undefined;
  readonly 'login-hint'?: string | undefined;
  readonly authority?: string | undefined;
  readonly 'authority-ca'?: string | undefined;
  readonly 'client-id'?: string | undefined;
  readonly 'client-secret-file'?: string | undefined;
  readonly 'client-secret-stdin': boolean;
  readonly 'client-secret'?: string | undefined;
  readonly audience?: string | undefined;
  readonly 'token-file'?: string | undefined;
  readonly 'token-stdin': boolean;
  readonly username?: string | undefined;
  readonly 'password-stdin': boolean;
  readonly password?: string | undefined;
}

/** What was typed, as one input. @throws INVALID_ARGUMENT USAGE, GRANT_REFUSED, SECRET_ON_COMMAND_LINE */
export function loginInput(
  flags: LoginFlagValues,
  place: { positionals: readonly (string | undefined)[]; cwd: string },
): LoginInput {
  refuseSecrets(flags);
  const asked = flags['no-launch-browser'] ? 'false' : flags['launch-browser'];
  return {
    positionals: place.positionals,
    force: flags.force,
    launchBrowser: asked === undefined ? undefined : asked === 'true',
    plain: flags.plain,
    grant: grantOf(flags.grant),
    settings: typedSettings(flags, place.cwd),
    demands: {
      prompt: flags.prompt ?? '',
      maxAge: flags['max-age'],
      acrValues: (flags['acr-values'] ?? []).flatMap((text) => text.split(' ')).filter(Boolean),
      loginHint: flags['login-hint'] ?? '',
    },
    stdin: onStdin(flags),
    timeout: flags.timeout === undefined ? undefined : parseSeconds(flags.timeout),
    wait: !flags['no-wait'],
    resume: flags.resume,
    storage: flags.storage,
    account: flags.account,
  };
}

function grantOf(name: string | undefined): GrantName | 'auto' | undefined {
  if (name === undefined || name === 'auto') return name;
  refuseGrant(name);
  const known = GRANTS.find((grant) => grant === name.replaceAll('-', '_'));
  if (known !== undefined) return known;
  throw usage(`There is no grant ${JSON.stringify(name)}.`, `Grants: auto, ${GRANTS.join(', ')}.`);
}

function typedSettings(flags: LoginFlagValues, cwd: string): LoginSettings {
  const path = (file: string | undefined) => (file === undefined ? undefined : resolve(cwd, file));
  const typed = {
    provider: flags.provider,
    scopes: flags.scope?.flatMap((text) => text.split(' ')).filter(Boolean),
    redirectPort: flags['redirect-port'],
    authority: flags.authority,
    authorityCa: path(flags['authority-ca']),
    clientId: flags['client-id'],
    clientSecretFile: path(flags['client-secret-file']),
    audience: flags.audience,
    tokenFile: path(flags['token-file']),
    username: flags.username,
  };
  return Object.fromEntries(Object.entries(typed).filter(([, value]) => value !== undefined)) as LoginSettings;
}

function onStdin(flags: LoginFlagValues): SecretOnStdin | undefined {
  const wanted = (['client-secret', 'password', 'token'] as const).filter((name) => flags[`${name}-stdin`]);
  if (wanted.length > 1) throw usage('Only one secret can be read from standard input.');
  return wanted[0];
}

/** Whoever is on this machine sees what is typed, and shells remember it. */
function refuseSecrets(flags: LoginFlagValues): void {
  const typed = (['client-secret', 'password'] as const).find((name) => flags[name] !== undefined);
  if (typed === undefined) return;
  const text = `A secret does not belong on the command line: other users and the shell's history see it. Change it.`;
  const file = typed === 'password' ? '' : `--${typed}-file FILE, FEDCTL_CLIENT_SECRET, or `;
  throw new AppError('INVALID_ARGUMENT', 'SECRET_ON_COMMAND_LINE', text, { hint: `Use ${file}--${typed}-stdin.` });
}

function usage(text: string, hint?: string): AppError {
  return new AppError('INVALID_ARGUMENT', 'USAGE', text, hint === undefined ? {} : { hint });
}
