import { GRANTABLE } from '../../core/access.ts';
import { FEDERATION_ID } from '../../core/ids.ts';
import {
  address,
  boolean,
  choice,
  duration,
  file,
  integer,
  list,
  network,
  records,
  size,
  string,
  url,
} from './kinds.ts';
import { OIDC } from './oidc-settings.ts';
import { TRUST, TRUST_RULE } from './trust-settings.ts';

const YEAR = '366d';

/** Tables of the config file with a sentence each; `[[...]]` tables may stand several times. */
export const TABLES = {
  server: 'Where the server listens and what it shows to clients.',
  limits: 'What one client, and all together, may use.',
  secrets: 'The key that encrypts what is stored.',
  database: 'Where sessions, runs, logs and the audit trail are kept.',
  oidc: 'An identity provider. May stand several times; the first one is the default of `fedctl login`.',
  trust:
    'An issuer whose tokens are taken without a login: CI, workload identity, a company identity provider. May stand several times, or not at all. See docs/tokens.md.',
  'trust-rule':
    'Who the tokens of a trusted issuer stand for. The first rule that fits counts; where none fits, a token is refused.',
  openfga: 'The authorization service. Every call is checked with it.',
  access: 'First rights. Everything else is granted with `fedctl admin grant`.',
  engine:
    'The Flower SuperLink behind this server. Nothing but this server may reach its Control API. ' +
    'Several stand as `[[engine]]`, each with a name of its own: the first one serves the default federation.',
  tokens: 'Lifetimes of sessions and of the tokens that clients hold.',
  logs: 'Logs of runs.',
  runs: 'How runs are kept in step with the engine.',
  artifacts: 'Files that runs leave behind, for `pull`.',
  metrics: 'Prometheus metrics under /metrics of the HTTPS port.',
  log: "The server's own log, on standard output.",
} as const;

/** Every setting of the server: the one place of names, kinds, defaults and their documentation. */
export const SETTINGS = {
  server: {
    'grpc-address': address({ default: '127.0.0.1:9093', doc: 'Where fedctl and flwr up to 1.36 connect (gRPC).' }),
    'https-address': address({
      default: '127.0.0.1:9094',
      doc: 'HTTPS: flwr from 1.37 on, health, metrics and the public keys of our tokens.',
    }),
    'public-url': url({
      derived: 'the https-address as a URL',
      doc: 'URL under which others reach the HTTPS port. It is the issuer of our tokens: changing it ends all sessions.',
    }),
    'tls-cert': file({ doc: 'Certificate chain, PEM. A new one is taken up without a restart.' }),
    'tls-key': file({ doc: 'Private key of the certificate, PEM. Must not be readable by others.' }),
    'trusted-proxies': list(network({ doc: '' }), {
      default: [],
      doc: 'Balancers whose X-Forwarded-For says whom a request is from: addresses or networks, such as "10.0.0.0/8". Nobody else is believed.',
    }),
    plaintext: boolean({
      default: false,
      doc: 'No TLS: only where both addresses are loopback addresses, for development.',
    }),
    'state-dir': file({ default: 'state', doc: 'Folder for what the server keeps.' }),
    'drain-timeout': duration({
      default: '10s',
      min: '0s',
      max: '10m',
      doc: 'How long calls under way may take to end after SIGTERM.',
    }),
  },
  limits: {
    metadata: size({ default: '32KiB', min: '8KiB', max: '64KiB', doc: 'Metadata (headers) of one call.' }),
    handshake: duration({
      default: '10s',
      min: '100ms',
      max: '2m',
      doc: 'From the connection to the end of its TLS handshake; over HTTPS also for the headers of a request.',
    }),
    keepalive: duration({ default: '20s', min: '1s', max: '1h', doc: 'Time between pings to a client.' }),
    'keepalive-timeout': duration({
      default: '10s',
      min: '1s',
      max: '10m',
      doc: 'How long a client may take to answer a ping.',
    }),
    idle: duration({
      default: '5m',
      min: '1s',
      max: '24h',
      doc: 'A connection without a call is closed after this time.',
    }),
    age: duration({ default: '30m', min: '1s', max: '24d', doc: 'A connection takes no new calls after this time.' }),
    'age-grace': duration({
      default: '24h',
      min: '1s',
      max: '24d',
      doc: 'How long calls under way may outlive `age`: log streams last for hours.',
    }),
    'connections-per-address': integer({
      default: 100,
      min: 1,
      max: 1_000_000,
      doc: 'Open connections from one address, for each port.',
    }),
    connections: integer({ default: 2000, min: 1, max: 1_000_000, doc: 'Open connections in all, for each port.' }),
    'concurrent-streams': integer({ default: 100, min: 1, max: 10_000, doc: 'Calls at a time on one connection.' }),
    'session-memory': size({ default: '64MiB', min: '16MiB', max: '4GiB', doc: 'Memory of one HTTP/2 connection.' }),
    upload: size({
      default: '12MiB',
      min: '1MiB',
      max: '64MiB',
      doc: 'The message that submits a run with its app bundle.',
    }),
    'log-streams': integer({ default: 1000, min: 1, max: 100_000, doc: 'Log streams at a time, in all.' }),
    'log-streams-per-account': integer({
      default: 20,
      min: 1,
      max: 10_000,
      doc: 'Log streams at a time of one account.',
    }),
    'pending-logins': integer({ default: 1000, min: 1, max: 100_000, doc: 'Logins under way, in all.' }),
    'pending-logins-per-address': integer({
      default: 100,
      min: 1,
      max: 100_000,
      doc: 'Logins under way from one address.',
    }),
    'logins-per-minute': integer({
      default: 30,
      min: 1,
      max: 100_000,
      doc: 'New logins in a minute from one address.',
    }),
    'login-lifetime': duration({
      default: '10m',
      min: '20s',
      max: '30m',
      doc: 'A login that nobody approves ends after this time, or sooner where the provider says so. A flwr up to 1.31 waits that long after a refusal.',
    }),
  },
  secrets: {
    'master-key-file': file({
      default: 'master.key',
      doc: 'File with 32 random bytes in base64, mode 0600. Without this very key the stored sessions are lost: keep a copy in a safe place.',
    }),
  },
  database: {
    kind: choice(['sqlite'], { default: 'sqlite', doc: 'SQLite, for one node.' }),
    path: file({ derived: 'fedctl.db in state-dir', doc: 'The database file.' }),
  },
  oidc: OIDC,
  trust: TRUST,
  'trust-rule': TRUST_RULE,
  openfga: {
    url: url({ required: true, doc: 'HTTP API of OpenFGA.' }),
    store: string({ default: 'fedctl', doc: 'Store, by name (made if absent) or by id.' }),
    model: string({
      doc: 'Id of the authorization model. Without it the model of this release is written and pinned.',
    }),
    'api-token-file': file({ doc: 'File with the preshared key. Must not be readable by others.' }),
    ca: file({ doc: 'CA certificates, PEM, for an OpenFGA with a private CA.' }),
    proxy: url({
      doc: 'HTTP proxy on the way to an https:// OpenFGA (CONNECT). Those that the environment names are not used.',
    }),
    'proxy-login-file': file({ doc: 'File with USER:PASSWORD for the proxy. Must not be readable by others.' }),
    'allow-http': boolean({
      default: false,
      doc: 'Accept an http:// URL beyond loopback, on a network that you trust.',
    }),
    deadline: duration({
      default: '1s',
      min: '50ms',
      max: '30s',
      doc: 'How long one check may take; then the call fails.',
    }),
    cache: duration({ default: '5s', min: '0s', max: '5s', doc: 'How long a decision on a read may be reused.' }),
    watch: duration({ default: '500ms', min: '100ms', max: '1m', doc: 'Time between looks for changed grants.' }),
  },
  access: {
    admins: records(['issuer', 'subject'], {
      default: [],
      doc: 'Accounts that become system admins at start.',
    }),
    'default-federation': string({
      default: '@fedctl/default',
      pattern: FEDERATION_ID,
      shape: 'a federation id, such as @lab/default',
      doc: 'Federation that is made at start and used where a call names none.',
    }),
    'default-roles': list(choice(GRANTABLE.federation, { doc: '' }), {
      default: [],
      doc: 'Roles that everybody who can log in has on the default federation.',
    }),
  },
  engine: {
    kind: choice(['flower', 'flower-grpc', 'flower-http', 'none'], {
      default: 'flower',
      doc: 'flower: a SuperLink of Flower 1.21 or later; which of its two transports it speaks is found out. flower-grpc: gRPC only, up to 1.36. flower-http: HTTP only, from 1.37 on. none: no runs can be submitted.',
    }),
    name: string({
      default: 'default',
      doc: 'Name of this engine in the database: never change it. Where there are several, health tells the names to everybody.',
    }),
    address: address({ doc: "The SuperLink's Control API. Required unless kind is none." }),
    ca: file({ doc: "CA certificates, PEM, of the SuperLink's certificate." }),
    insecure: boolean({ default: false, doc: 'No TLS to the engine: on one host, or on a network of its own.' }),
  },
  tokens: {
    access: duration({ default: '10m', min: '10s', max: '1h', doc: 'Lifetime of an access token.' }),
    idle: duration({ default: '14d', min: '1m', max: YEAR, doc: 'A session that nobody uses ends after this time.' }),
    max: duration({ default: '30d', min: '1m', max: YEAR, doc: 'A session ends after this time in any case.' }),
    'without-refresh': duration({
      default: '12h',
      min: '1m',
      max: YEAR,
      doc: 'The same, where the identity provider gives no refresh token.',
    }),
    'key-rotation': duration({ default: '30d', min: '1h', max: YEAR, doc: 'How often a new signing key is made.' }),
    audience: string({ derived: 'the public-url', doc: 'Audience of our tokens.' }),
    audiences: list(string({ doc: '' }), {
      default: [],
      doc: 'Other services that people may have tokens of ours for: `fedctl token --aud`. This server refuses those.',
    }),
  },
  logs: {
    'max-per-run': size({
      default: '64MiB',
      min: '64KiB',
      max: '4GiB',
      doc: 'Stored log of one run; the rest is cut, with a marker line.',
    }),
    retention: duration({
      default: '90d',
      min: '1h',
      max: '9999d',
      doc: 'Logs are deleted this long after the end of their run.',
    }),
  },
  runs: {
    reconcile: duration({
      default: '10s',
      min: '500ms',
      max: '10m',
      doc: "Time between comparisons of the engine's runs with ours.",
    }),
    unmatched: duration({
      default: '30s',
      min: '25s',
      max: '1h',
      doc: 'A submitted run that the engine does not know after this time has failed. Longer than a submit may take (20 s).',
    }),
    'bundle-retention': duration({
      default: '90d',
      min: '1h',
      max: '9999d',
      doc: 'App bundles that no younger run uses are deleted.',
    }),
  },
  artifacts: {
    dir: file({
      doc: 'Folder that has a folder for each run, named by the run id, with what the run has left behind. Without it nothing can be pulled.',
    }),
    'link-lifetime': duration({
      default: '5m',
      min: '10s',
      max: '1h',
      doc: 'How long the link that `pull` gives is good for. It ends with the right or the session, too.',
    }),
    'max-size': size({ default: '10GiB', min: '1MiB', max: '9999GiB', doc: 'Files of one run that can be pulled.' }),
    downloads: integer({ default: 16, min: 1, max: 1000, doc: 'Downloads at a time, in all.' }),
    'downloads-per-account': integer({ default: 4, min: 1, max: 1000, doc: 'Downloads at a time of one account.' }),
  },
  metrics: {
    'token-file': file({
      doc: 'File with a bearer token for scrapes. Without it /metrics answers loopback addresses only.',
    }),
  },
  log: {
    level: choice(['debug', 'info', 'warn', 'error'], {
      default: 'info',
      doc: 'The least severe records that are written.',
    }),
    format: choice(['json', 'pretty'], { default: 'json', doc: 'json: one object per line. pretty: for people.' }),
  },
} as const;

/** Tables that stand as `[[name]]`, at least once. */
export const REPEATED_TABLES = ['oidc'] as const;
/** Tables that stand as `[[name]]`, or not at all. */
export const OPTIONAL_TABLES = ['trust', 'trust-rule'] as const;
/** Tables that stand as `[name]` once or as `[[name]]` several times. */
export const REPEATABLE_TABLES = ['engine'] as const;
