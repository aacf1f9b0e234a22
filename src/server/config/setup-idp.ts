import { AppError } from '../../core/errors.ts';
import type { Secret } from '../../core/secret.ts';
import { SETTINGS } from './settings.ts';
import { type RegisteredClient, registerClient, type WantedClient, wantedClient } from './setup-idp-client.ts';
import type { ConfigFile } from './setup-idp-files.ts';
import type { IdpKind } from './setup-idp-kinds.ts';
import { type BoundedFetch, findIdp, type IdpMetadata, type Offers, offersOf } from './setup-idp-metadata.ts';
import { type ProviderTable, refuseDuplicates, unfinishedAlias, withProvider } from './setup-idp-table.ts';

export interface SetupIdp {
  readonly kind: IdpKind;
  /** As it was given or put together. */
  readonly issuer: string;
  readonly alias: string | undefined;
  readonly clientId: string | undefined;
  /** As it is to stand in the configuration; undefined: a new file beside it. */
  readonly secretFile: string | undefined;
  /** As it is to stand in the configuration. */
  readonly ca: string | undefined;
  readonly groupsClaim: string | undefined;
  readonly usernameClaim: string | undefined;
  readonly name: string | undefined;
  readonly allowHttp: boolean;
  /** Asks the provider to make the client (RFC 7591). */
  readonly register: boolean;
  readonly registrationToken: Secret | undefined;
  /** Reads and tells, but changes nothing, here and there. */
  readonly dryRun: boolean;
}

export interface SetupEdges {
  readonly config: ConfigFile;
  readonly fetch: BoundedFetch;
  /** Asked for what no flag told, where somebody sits there; undefined: nobody does. */
  readonly ask: ((question: string, example: string) => Promise<string>) | undefined;
  /** The client secret; undefined: there is none yet. */
  readonly secret: () => Promise<Secret | undefined>;
}

export interface SetUpIdp {
  readonly kind: IdpKind;
  readonly issuer: string;
  readonly respelt: boolean;
  readonly offers: Offers;
  readonly client: WantedClient;
  readonly table: ProviderTable;
  readonly registered: RegisteredClient | undefined;
  readonly written: boolean;
  /** Written with the secret in it. */
  readonly secretWritten: boolean;
  /** Where the registration can be changed (RFC 7592), if the provider said so. */
  readonly managementFile: string | undefined;
}

/**
 * Looks at a provider, makes a client there or says which one to make, and writes its [[oidc]] table. What could fail here
 * is tried before anything is made there.
 * @throws INVALID_ARGUMENT USAGE, ALREADY_EXISTS PROVIDER_CONFIGURED, and as {@link findIdp}, {@link registerClient},
 *   {@link withProvider}
 */
export async function setUpIdp(options: SetupIdp, edges: SetupEdges): Promise<SetUpIdp> {
  const { config, ask } = edges;
  refusePlainHttp(options.issuer, options.allowHttp);
  const found = await findIdp({ asked: options.issuer, fetch: edges.fetch });
  const { issuer, metadata } = found;
  const alias = options.alias ?? unfinishedAlias(config.text) ?? 'main';
  checkSetting('alias', alias);
  refuseDuplicates(config.text, { alias, issuer });
  const tableFor = (clientId: string) => tableOf(options, { alias, issuer, metadata, clientId });
  // Whether the file can be changed is known before a client is made there that nobody would know of.
  const probe = tableFor(NO_CLIENT);
  withProvider(config.text, probe);
  const offers = offersOf(metadata);
  const scopes = (probe.scopes as string[] | undefined) ?? SETTINGS.oidc.scopes.default;
  const client = wantedClient({ publicUrl: config.publicUrl, alias, offers, scopes: scopes as string[] });
  const seen = { kind: options.kind, issuer, respelt: found.respelt, offers, client, table: probe, ...NOTHING_DONE };
  if (options.register) {
    if (!offers.registration) throw noRegistration();
    return options.dryRun ? seen : register({ seen, metadata, token: options.registrationToken, tableFor }, edges);
  }
  const clientId = options.clientId ?? (await ask?.('Client id, once you have made it there', 'fedctl'));
  // Without it there is nothing to write yet: what to make there is told.
  if (!clientId) return seen;
  checkSetting('client-id', clientId);
  const table = tableFor(clientId);
  if (options.dryRun) return { ...seen, table };
  const secret = await edges.secret();
  const secrets = secret === undefined ? [] : [{ file: table['client-secret-file'], secret }];
  await config.write({ secrets, text: withProvider(config.text, table) });
  return { ...seen, table, written: true, secretWritten: secret !== undefined };
}

/** Stands where there is no client yet. */
export const NO_CLIENT = 'CLIENT-ID';
const NOTHING_DONE = { registered: undefined, written: false, secretWritten: false, managementFile: undefined };

interface Register {
  readonly seen: SetUpIdp;
  readonly metadata: IdpMetadata;
  readonly token: Secret | undefined;
  tableFor(clientId: string): ProviderTable;
}

async function register({ seen, metadata, token, tableFor }: Register, edges: SetupEdges): Promise<SetUpIdp> {
  const { config, fetch } = edges;
  const registered = await registerClient({ metadata, wanted: seen.client, token, fetch });
  const table = tableFor(registered.clientId);
  const { management, clientSecret } = registered;
  const managementFile = management && `${table.alias}.registration`;
  await config.write({
    secrets: [
      { file: table['client-secret-file'], secret: clientSecret },
      ...(management && managementFile ? [{ file: managementFile, secret: management }] : []),
    ],
    text: withProvider(config.text, table),
  });
  return { ...seen, table, registered, written: true, secretWritten: true, managementFile };
}

function tableOf(
  options: SetupIdp,
  found: { alias: string; issuer: string; metadata: IdpMetadata; clientId: string },
): ProviderTable {
  const { alias, issuer, metadata, clientId } = found;
  const { usernameClaim } = options;
  return {
    alias,
    issuer,
    name: options.name,
    'client-id': clientId,
    'client-secret-file': options.secretFile ?? `${alias}.client-secret`,
    ca: options.ca,
    'groups-claim': options.groupsClaim,
    'allow-http': options.allowHttp && issuer.startsWith('http:') ? true : undefined,
    ...options.kind.settings,
    ...originsOf(metadata),
    ...(usernameClaim !== undefined && { 'username-claim': usernameClaim }),
  };
}

const SECRET_ENDPOINTS = ['token_endpoint', 'device_authorization_endpoint', 'revocation_endpoint'];

/** Other origins that get the client secret have to be named in the configuration (security.md BC-08). */
function originsOf(metadata: IdpMetadata): { 'endpoint-origins'?: readonly string[] } {
  const own = new URL(metadata.issuer).origin;
  const named = SECRET_ENDPOINTS.map((name) => metadata[name]).filter((one) => typeof one === 'string');
  const others = named.filter((one) => URL.canParse(one)).map((one) => new URL(one).origin);
  const foreign = [...new Set(others)].filter((origin) => origin !== own);
  return foreign.length === 0 ? {} : { 'endpoint-origins': foreign };
}

function refusePlainHttp(issuer: string, allowHttp: boolean): void {
  if (!issuer.startsWith('http:') || allowHttp) return;
  throw new AppError('INVALID_ARGUMENT', 'USAGE', `${issuer} speaks no TLS.`, {
    hint: 'For development on this machine: --allow-http',
  });
}

function checkSetting(key: 'alias' | 'client-id', value: string): void {
  const parsed = SETTINGS.oidc[key].parse(value, { dir: '.' });
  if (parsed.ok) return;
  throw new AppError('INVALID_ARGUMENT', 'USAGE', `The ${key} ${parsed.problem}.`);
}

function noRegistration(): AppError {
  return new AppError('FAILED_PRECONDITION', 'REGISTRATION_REFUSED', 'The provider has no registration endpoint.', {
    hint: 'Leave out --register and make the client by hand.',
  });
}
