import { boolean, choice, file, list, string, strings, url } from './kinds.ts';
import { ISSUER_ALIAS, ORIGIN } from './trust-settings.ts';

/** RFC 3986 section 4.3 (security.md RI-01). */
const ABSOLUTE_URI = /^[A-Za-z][A-Za-z0-9+.-]*:[^\s#]+$/;

/** `[[oidc]]` */
export const OIDC = {
  alias: string({
    required: true,
    pattern: ISSUER_ALIAS,
    shape: '1 to 32 letters, digits, "_" or "-"',
    doc: 'Short name. It is part of every OpenFGA id (`user:ALIAS|SUBJECT`): never change it.',
  }),
  issuer: url({ required: true, doc: 'Issuer URL, exactly as the provider spells it.' }),
  name: string({
    doc: 'Name for people: what the device page and `--list-providers` call it. Without it, the alias.',
  }),
  page: choice(['auto', 'always', 'never'], {
    default: 'auto',
    doc: 'The device page of this server, which then uses the code grant with PKCE at the provider. auto: where the provider has no device grant of its own. always: also in front of those, against device-code phishing: it shows who asks. The redirect URI to register is PUBLIC-URL/oidc/callback/ALIAS.',
  }),
  'client-id': string({
    required: true,
    doc: 'Client registered for this server: device grant (RFC 8628), code grant with PKCE, or both.',
  }),
  'client-secret-file': file({ required: true, doc: 'File with the client secret. Must not be readable by others.' }),
  ca: file({ doc: 'CA certificates, PEM, for a provider with a private CA.' }),
  proxy: url({
    doc: 'HTTP proxy on the way to the provider (CONNECT). Those that the environment names are not used.',
  }),
  'proxy-login-file': file({ doc: 'File with USER:PASSWORD for the proxy. Must not be readable by others.' }),
  scopes: list(string({ doc: '' }), {
    default: ['openid', 'profile', 'email'],
    doc: 'Scopes to ask for; see also offline-access.',
  }),
  'offline-access': boolean({
    default: true,
    doc: 'Ask for offline_access where the provider offers it, so that a login outlives the session of the browser there. false: it ends with that one. Keycloak tells of logouts (back-channel) only then.',
  }),
  'groups-claim': string({ doc: 'Claim with group names. Without it no groups are taken from this provider.' }),
  'username-claim': string({ default: 'preferred_username', doc: 'Claim from which an account gets its name.' }),
  'allow-password': boolean({
    default: false,
    doc: 'Take names and passwords (`fedctl login --grant password`) and pass them on. For providers and accounts that can do nothing else: no second factor, and whoever has this server has the passwords.',
  }),
  resource: string({
    pattern: ABSOLUTE_URI,
    shape: 'an absolute URI without fragment',
    doc: 'Resource to ask for (RFC 8707), for a provider that wants one.',
  }),
  'endpoint-origins': list(
    string({ pattern: ORIGIN, shape: 'an origin, such as "https://oauth2.example.com"', doc: '' }),
    {
      default: [],
      doc: "Other origins that the provider's endpoints may have. The client secret is sent to the issuer's own origin and to these, and nowhere else.",
    },
  ),
  'authorization-parameters': strings({
    default: {},
    doc: 'Parameters to add to requests for the code grant, such as { access_type = "offline" } for Google.',
  }),
  'allow-http': boolean({ default: false, doc: 'Accept an http:// issuer on a loopback address, for development.' }),
  'share-tokens': boolean({
    default: false,
    doc: "Let people have the provider's own access and ID token of their session: `fedctl token --no-exchange`.",
  }),
} as const;
