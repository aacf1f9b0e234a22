import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JsonMap, parse } from '@iarna/toml';
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

export interface PlaneOptions {
  /** A client of realm.json; default fedctl. */
  readonly client?: string;
  readonly changes?: Changes;
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

export function writeConfig(
  stage: Stage,
  { client = 'fedctl', changes = {}, name = 'keycloak' }: PlaneOptions,
): string {
  const { stack, issuer, keycloak, folder } = stage;
  const from = join(stack.state, 'server.toml');
  const { access } = parse(readFileSync(from, 'utf8')) as { access: JsonMap };
  const { oidc, ...others } = changes;
  return changeConfig(from, join(folder, `${name}.toml`), {
    oidc: {
      alias: ALIAS,
      issuer,
      'client-id': client,
      'client-secret-file': writeSecret(stage, client),
      'allow-http': undefined,
      ca: keycloak.tls.ca,
      'groups-claim': 'groups',
      ...oidc,
    },
    access: { ...access, admins: [{ issuer, subject: ADMIN_SUBJECT }], 'default-roles': ['runner'] },
    limits: { 'logins-per-minute': 1000 },
    ...others,
  });
}
