import { SCOPES } from '../../core/scopes.ts';
import { boolean, choice, duration, file, list, string, strings, url } from './kinds.ts';

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

/** Short name of an issuer: identity providers and trusted issuers share one namespace. */
export const ISSUER_ALIAS = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/;

/** Scheme, host and port of a URL. */
export const ORIGIN = /^https?:\/\/(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?$/;

/** `[[trust]]` */
export const TRUST = {
  alias: string({
    required: true,
    pattern: ISSUER_ALIAS,
    shape: '1 to 32 letters, digits, "_" or "-"',
    doc: 'Short name; no [[oidc]] table may have the same. Groups of its tokens are `group:claim|ALIAS|NAME`.',
  }),
  issuer: url({ required: true, doc: 'Exactly the `iss` of its tokens.' }),
  audience: list(string({ doc: '' }), {
    default: [],
    doc: 'What `aud` of its tokens must contain, one of these. Empty: the public-url of this server, or the audience of [tokens].',
  }),
  validation: choice(['jwks', 'introspection', 'userinfo'], {
    default: 'jwks',
    doc: 'jwks: by signature, offline. introspection: by asking the issuer (RFC 7662), for opaque tokens. userinfo: by asking its userinfo endpoint.',
  }),
  'jwks-url': url({ doc: "The issuer's keys. Without it: as its discovery document says." }),
  algorithms: list(choice(ALGORITHMS, { doc: '' }), {
    default: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    doc: 'Signature algorithms that are taken.',
  }),
  'token-type': choice(['any', 'at+jwt'], {
    default: 'any',
    doc: 'at+jwt: access tokens of RFC 9068 only. any: other JWTs too, but for ID tokens of logins.',
  }),
  'client-id': string({ doc: 'Client of this server there, for introspection.' }),
  'client-secret-file': file({ doc: 'File with its secret. Must not be readable by others.' }),
  ca: file({ doc: 'CA certificates, PEM, for an issuer with a private CA.' }),
  proxy: url({
    doc: 'HTTP proxy on the way to the issuer (CONNECT). Those that the environment names are not used.',
  }),
  'proxy-login-file': file({ doc: 'File with USER:PASSWORD for the proxy. Must not be readable by others.' }),
  'endpoint-origins': list(
    string({ pattern: ORIGIN, shape: 'an origin, such as "https://oauth2.example.com"', doc: '' }),
    {
      default: [],
      doc: "Other origins that the issuer's endpoints may have. Tokens and the client secret are sent to the issuer's own origin and to these, and nowhere else.",
    },
  ),
  'allow-http': boolean({ default: false, doc: 'Accept an http:// issuer on a loopback address, for development.' }),
  'username-claim': string({
    default: 'preferred_username',
    doc: 'Claim from which the account of a person gets its name, where the token is the first that is seen of them.',
  }),
  'groups-claim': string({ doc: 'Claim with group names. Without it no groups are taken from these tokens.' }),
} as const;

/** `[[trust-rule]]` */
export const TRUST_RULE = {
  trust: string({ required: true, doc: 'Alias of the [[trust]] table whose tokens it is about.' }),
  claims: strings({
    default: {},
    doc: 'Claims that a token must have, each exactly so: no patterns. Required with service-account.',
  }),
  'service-account': string({
    pattern: /^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,62}$/,
    shape: '1 to 63 letters, digits, "_" or "-", the first one no "-"',
    doc: 'The service account that such tokens stand for; made when it is first used.',
  }),
  person: string({
    doc: 'Instead: alias of the [[oidc]] table whose account they stand for, the one that person-claim names.',
  }),
  'person-claim': string({ default: 'sub', doc: 'Claim with the subject of that person at that identity provider.' }),
  scopes: list(choice(SCOPES, { doc: '' }), {
    default: [],
    doc: 'What such tokens may be used for at most. Empty: all that the account may.',
  }),
  'one-time': boolean({
    default: false,
    doc: 'A token can be exchanged once (by its `jti`), and not be used on calls as it is.',
  }),
  'max-life': duration({
    default: '15m',
    min: '10s',
    max: '15m',
    doc: 'A session ends after this time, or sooner with the token that it came from.',
  }),
} as const;
