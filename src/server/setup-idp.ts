import { relative, resolve } from 'node:path';
import { AppError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import { readSecretFile } from './config/files.ts';
import { type SetupIdp, setUpIdp } from './config/setup-idp.ts';
import { openConfigFile } from './config/setup-idp-files.ts';
import { IDP_KINDS, type IdpKind, issuerOf, kindOfIssuer } from './config/setup-idp-kinds.ts';
import type { BoundedFetch } from './config/setup-idp-metadata.ts';
import { setupDocument, setupLines } from './config/setup-idp-view.ts';
import { createTransport } from './identity/transport.ts';

/** What `server setup-idp` was told, by the names of its flags. */
export interface SetupAnswers {
  readonly issuer: string | undefined;
  readonly kind: string | undefined;
  /** "NAME=VALUE" */
  readonly parts: readonly string[];
  readonly configFile: string;
  readonly alias?: string | undefined;
  readonly name?: string | undefined;
  readonly 'client-id'?: string | undefined;
  readonly 'client-secret-file'?: string | undefined;
  readonly 'client-secret-stdin': boolean;
  readonly ca?: string | undefined;
  readonly 'groups-claim'?: string | undefined;
  readonly 'username-claim'?: string | undefined;
  readonly 'allow-http': boolean;
  readonly register: boolean;
  readonly 'registration-token-file'?: string | undefined;
  readonly 'dry-run': boolean;
}

/** Who sits there, if anybody does. */
export interface SetupPerson {
  note(line: string): void;
  readonly ask: ((question: string) => Promise<string>) | undefined;
  readonly askSecret: ((question: string) => Promise<Secret | undefined>) | undefined;
  pipedSecret(): Promise<Secret>;
}

/**
 * `server setup-idp`: its answers put together with what has to be asked for, the provider over real HTTP.
 * @throws as {@link setUpIdp}
 */
export async function runSetup(
  answers: SetupAnswers,
  person: SetupPerson,
): Promise<{ document: object; lines: readonly string[] }> {
  const { configFile } = answers;
  const config = await openConfigFile(configFile);
  const { kind, issuer } = await chooseIssuer(answers, person);
  const ask = person.ask && ((question: string, example: string) => asked(person, question, example));
  const token = answers['registration-token-file'];
  const transport = createTransport({ caFile: answers.ca });
  // openid-client's fetch takes more kinds of bodies than we send.
  const fetch = transport.fetch as unknown as BoundedFetch;
  try {
    const done = await setUpIdp(
      {
        ...settingsOf(answers),
        kind,
        issuer,
        registrationToken: token === undefined ? undefined : await readSecretFile(token),
      },
      { config, fetch, ask, secret: () => clientSecret(answers, person) },
    );
    return { document: setupDocument(done, configFile), lines: setupLines(done, configFile) };
  } finally {
    await transport.close();
  }
}

function settingsOf(answers: SetupAnswers): Omit<SetupIdp, 'kind' | 'issuer' | 'registrationToken'> {
  const { configFile } = answers;
  const inConfig = (file: string | undefined) => (file === undefined ? undefined : fromConfig(configFile, file));
  return {
    alias: answers.alias,
    name: answers.name,
    clientId: answers['client-id'],
    secretFile: inConfig(answers['client-secret-file']),
    ca: inConfig(answers.ca),
    groupsClaim: answers['groups-claim'],
    usernameClaim: answers['username-claim'],
    allowHttp: answers['allow-http'],
    register: answers.register,
    dryRun: answers['dry-run'],
  };
}

/** Relative paths of flags start here, those in the configuration at its folder. */
function fromConfig(configFile: string, file: string): string {
  const path = relative(resolve(configFile, '..'), resolve(file));
  return path.startsWith('..') ? resolve(file) : path;
}

/** A file that was named holds it already; else it is piped in, asked for, or put there later. */
async function clientSecret(answers: SetupAnswers, { askSecret, pipedSecret }: SetupPerson) {
  if (answers['client-secret-stdin']) return pipedSecret();
  if (answers['client-secret-file'] !== undefined) return undefined;
  return askSecret?.('Client secret (empty: put it into its file later)');
}

async function chooseIssuer(answers: SetupAnswers, person: SetupPerson): Promise<{ kind: IdpKind; issuer: string }> {
  const named = IDP_KINDS.find(({ id }) => id === answers.kind);
  if (answers.issuer !== undefined) return { issuer: answers.issuer, kind: named ?? kindOfIssuer(answers.issuer) };
  const kind = named ?? (await chooseKind(person));
  const parts: Record<string, string> = partsOf(answers.parts);
  for (const { name, question, example } of kind.parts) {
    parts[name] ??= person.ask ? await asked(person, question, example) : '';
    if (parts[name] !== '') continue;
    throw usage(
      `${kind.name} needs --part ${name}=...`,
      `Its issuer is ${kind.shape}; ${name} is something like ${example}.`,
    );
  }
  return { kind, issuer: issuerOf(kind, parts) };
}

async function chooseKind({ ask, note }: SetupPerson): Promise<IdpKind> {
  if (ask === undefined) throw usage('There is no issuer.', 'fedctl server setup-idp ISSUER, or --kind with --part.');
  for (const [index, { name, shape }] of IDP_KINDS.entries()) note(`  ${index + 1}. ${name.padEnd(28)} ${shape}`);
  const number = Number(await ask(`Which provider (1-${IDP_KINDS.length})`));
  const kind = IDP_KINDS[number - 1];
  if (kind === undefined) throw usage(`That is no number from 1 to ${IDP_KINDS.length}.`, 'Run the command again.');
  return kind;
}

async function asked({ ask }: SetupPerson, question: string, example: string): Promise<string> {
  return (await ask?.(`${question} (for example ${example})`)) ?? '';
}

function partsOf(parts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    parts.map((part) => {
      const [, name, value] = /^([a-z]+)=(.+)$/.exec(part) ?? [];
      if (name === undefined || value === undefined)
        throw usage(`"${part}" is not NAME=VALUE.`, 'See: fedctl server setup-idp --help');
      return [name, value];
    }),
  );
}

function usage(message: string, hint: string): AppError {
  return new AppError('INVALID_ARGUMENT', 'USAGE', message, { hint });
}
