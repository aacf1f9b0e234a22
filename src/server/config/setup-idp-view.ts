import { NO_CLIENT, type SetUpIdp } from './setup-idp.ts';
import { DEVICE_GRANT } from './setup-idp-client.ts';
import type { Offers } from './setup-idp-metadata.ts';
import { blockOf } from './setup-idp-table.ts';

/** What a provider offers, as rows for people: what, and what follows where it is absent. */
const OFFERS: readonly (readonly [keyof Offers, string, string])[] = [
  ['device', 'device grant', 'this server shows its own device page'],
  ['code', 'code grant', 'no login in a browser of this machine'],
  ['pkce', 'PKCE with S256', 'the provider does not tell; it is sent all the same'],
  ['refresh', 'refresh tokens', 'a session ends after [tokens] without-refresh'],
  ['revocation', 'revocation', 'logout ends the session here only'],
  ['backChannelLogout', 'back-channel logout', 'a logout there is noticed at the next renewal'],
  ['endSession', 'logout page', '`logout` can not end the browser session there'],
  ['registration', 'client registration', 'the client is made by hand'],
  ['groups', 'claim "groups"', 'the provider does not tell'],
];

/** The outcome as lines for people. */
export function setupLines(done: SetUpIdp, configFile: string): readonly string[] {
  const { kind, issuer, respelt, offers, registered, written, table } = done;
  const spelling = respelt ? [`The provider calls itself ${issuer}; exactly that is what counts.`] : [];
  const rows = OFFERS.map(([key, what, without]) => (offers[key] ? `  yes  ${what}` : `  no   ${what}: ${without}`));
  return [
    ...spelling,
    `${kind.name}, ${issuer}`,
    ...rows,
    ...originLines(table),
    '',
    ...clientLines(done),
    ...(registered?.lacks ?? []),
    ...(kind.traps.length > 0 && !registered ? ['', 'Mind:', ...kind.traps.map((trap) => `  - ${trap}`)] : []),
    '',
    ...(written ? writtenLines(done, configFile) : ['The table for the configuration:', '', ...blockOf(table), '']),
    'Next:',
    ...nextSteps(done, configFile).map((step, index) => `  ${index + 1}. ${step}`),
  ];
}

/** The same as one document. */
export function setupDocument(done: SetUpIdp, configFile: string): object {
  const { kind, issuer, respelt, offers, client, table, registered, written, secretWritten } = done;
  return {
    success: true,
    kind: kind.id,
    issuer,
    respelt,
    offers: Object.fromEntries(OFFERS.map(([key]) => [dashed(key), offers[key]])),
    client: {
      id: registered?.clientId ?? table['client-id'],
      registered: registered !== undefined,
      'redirect-uris': client.redirectUris,
      'grant-types': client.grantTypes,
      scopes: client.scopes,
      'back-channel-logout-uri': client.backChannelLogoutUri,
      'post-logout-redirect-uri': client.postLogoutRedirectUri,
      lacks: registered?.lacks ?? [],
    },
    table,
    'config-file': configFile,
    written,
    'client-secret-file': table['client-secret-file'],
    'client-secret-written': secretWritten,
    'next-steps': nextSteps(done, configFile),
  };
}

/** Where the client secret goes beside the issuer's own host is for the operator to judge (security.md BC-08). */
function originLines(table: Readonly<Record<string, unknown>>): readonly string[] {
  const origins = table['endpoint-origins'];
  if (!Array.isArray(origins)) return [];
  return [`  Its endpoints are on ${origins.join(' and ')}, too (endpoint-origins): look whether that is theirs.`];
}

function clientLines({ kind, client, registered, table }: SetUpIdp): readonly string[] {
  const title = registered
    ? `Registered there as client ${registered.clientId}`
    : `The client to make there (${kind.where})`;
  const [callback = '', ...loopback] = client.redirectUris;
  return [
    `${title}:`,
    ...(registered ? [] : ['  type           confidential: with a client secret']),
    ...(registered || table['client-id'] === NO_CLIENT ? [] : [`  client id      ${table['client-id']}`]),
    `  redirect URIs  ${callback}`,
    ...loopback.map((uri) => `                 ${uri}`),
    `  grants         ${client.grantTypes.map((grant) => (grant === DEVICE_GRANT ? 'device code' : grant.replace('_', ' '))).join(', ')}`,
    `  scopes         ${client.scopes.join(' ')}`,
    `  back-channel logout URL    ${client.backChannelLogoutUri}`,
    `  after logout (redirect)    ${client.postLogoutRedirectUri}`,
  ];
}

function writtenLines({ table, secretWritten, managementFile }: SetUpIdp, configFile: string): readonly string[] {
  return [
    `Written: ${configFile}, [[oidc]] ${table.alias}`,
    ...(secretWritten ? [`Written: ${table['client-secret-file']} (the client secret)`] : []),
    ...(managementFile ? [`Written: ${managementFile} (with it the client can be changed there, RFC 7592)`] : []),
  ];
}

function nextSteps(
  { kind, written, secretWritten, registered, table }: SetUpIdp,
  configFile: string,
): readonly string[] {
  const again = `fedctl server setup-idp ${table.issuer} --config ${configFile}`;
  return [
    ...(registered ? [] : ['Make the client at the provider, as above.']),
    ...(written ? [] : [`Write the table, and the secret: ${again} --client-id ID`]),
    ...(written && !secretWritten ? [`Put the client secret into ${table['client-secret-file']} (chmod 600).`] : []),
    `Look whether all is in order: fedctl server start --config ${configFile} --check`,
    ...(kind.guide ? [`More about ${kind.name}: docs/idp/${kind.guide}.md`] : []),
  ];
}

function dashed(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
