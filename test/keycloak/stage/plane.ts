import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JsonMap, parse, stringify } from '@iarna/toml';
import { findFreeBase } from '../../../src/dev/ports.ts';
import { type Changes, type ControlPlane, changeConfig, startControlPlane } from '../../support/control-plane.ts';
import { secretOf } from '../../support/keycloak.ts';
import type { Stage } from './shared.ts';

/** Subject of Keycloak's account `admin`, as realm.json has it. */
const ADMIN_SUBJECT = '00000000-0000-4000-8000-000000000004';
export const ALIAS = 'kc';

/** The secret of a client of realm.json, as a file that a server.toml may name. */
export function writeSecret({ folder }: Pick<Stage, 'folder'>, client: string): string {
  const file = join(folder, `${client}.secret`);
  writeFileSync(file, secretOf(client), { mode: 0o600 });
  return file;
}

/** What robots' tokens are for, as realm.json has it. */
export const EXCHANGE_AUDIENCE = 'https://fedctl.test/exchange';

export interface PlaneOptions {
  /** A client of realm.json; default fedctl. */
  readonly client?: string;
  readonly changes?: Changes;
  /** How tokens of Keycloak itself are looked at; default jwks. */
  readonly validation?: 'jwks' | 'introspection';
  readonly env?: NodeJS.ProcessEnv;
  readonly name?: string;
}

/** A control plane that has Keycloak as its only identity provider, on the ports of the stage unless `changes` name others. */
export function startPlane(stage: Stage, options: PlaneOptions = {}): Promise<ControlPlane> {
  const { env, name = 'keycloak' } = options;
  const logFile = planeLog(stage, name);
  return startControlPlane({ config: writeConfig(stage, options), logFile, ...(env ? { env } : {}) });
}

/** What the control plane of that name has printed. */
export function planeLog({ folder }: Pick<Stage, 'folder'>, name = 'keycloak'): string {
  return join(folder, `plane-${name}.log`);
}

/** Where the control plane of that name keeps its database. */
export function planeState({ folder }: Pick<Stage, 'folder'>, name: string): string {
  return join(folder, `state-${name}`);
}

export interface OtherPlane extends ControlPlane {
  /** The stage as seen by people before this control plane. */
  readonly stage: Stage;
}

/** One more control plane, with ports and a database of its own and no engine. */
export async function startOther(stage: Stage, options: PlaneOptions & { readonly name: string }): Promise<OtherPlane> {
  const base = await findFreeBase();
  const address = `127.0.0.1:${base}`;
  const { server, ...changes } = options.changes ?? {};
  const own = {
    'grpc-address': address,
    'https-address': `127.0.0.1:${base + 1}`,
    'state-dir': planeState(stage, options.name),
    ...server,
  };
  const engine = { kind: 'none', address: undefined, insecure: undefined };
  const plane = await startPlane(stage, { ...options, changes: { engine, ...changes, server: own } });
  const facts = { ...stage.stack, address, https: `https://127.0.0.1:${base + 1}` };
  return Object.assign(plane, { stage: { ...stage, stack: facts } });
}

export function writeConfig(stage: Stage, options: PlaneOptions): string {
  const { client = 'fedctl', changes = {}, name = 'keycloak' } = options;
  const { stack, issuer, keycloak, folder } = stage;
  const from = join(stack.state, 'server.toml');
  const { access } = parse(readFileSync(from, 'utf8')) as { access: JsonMap };
  const { oidc, ...others } = changes;
  const file = changeConfig(from, join(folder, `${name}.toml`), {
    oidc: {
      alias: ALIAS,
      issuer,
      'client-id': client,
      'client-secret-file': writeSecret(stage, client),
      'allow-http': undefined,
      ca: keycloak.tls.ca,
      'groups-claim': 'groups',
      // Sessions of the browser: only of those does Keycloak tell when they end.
      'offline-access': false,
      ...oidc,
    },
    access: { ...access, admins: [{ issuer, subject: ADMIN_SUBJECT }], 'default-roles': ['runner'] },
    limits: { 'logins-per-minute': 1000 },
    // Fifty processes at once on a few cores.
    openfga: { deadline: '30s' },
    ...others,
  });
  appendFileSync(file, stringify(trustOf(stage, options.validation ?? 'jwks')));
  return file;
}

/** Keycloak once more, as an issuer whose robots need no login. */
function trustOf(stage: Stage, validation: string): JsonMap {
  // Not the client of logins: tokens for that one are taken for ID tokens (security.md AT-02).
  const asClient = { 'client-id': 'introspector', 'client-secret-file': writeSecret(stage, 'introspector') };
  const trust = {
    alias: 'robots',
    issuer: stage.issuer,
    audience: [EXCHANGE_AUDIENCE],
    ca: stage.keycloak.tls.ca,
    validation,
    ...(validation === 'introspection' && asClient),
  };
  return { trust: [trust], 'trust-rule': [{ trust: 'robots', claims: { azp: 'robot' }, 'service-account': 'robot' }] };
}
