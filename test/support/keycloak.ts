import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Agent, fetch } from 'undici';
import { foreignEnvironment } from '../../src/core/child-env.ts';
import { type KeycloakAdmin, openAdmin } from './keycloak-admin.ts';
import { BUILD_OPTIONS, type KeycloakDist } from './keycloak-dist.ts';

const REALM = resolve(import.meta.dirname, '../keycloak/realm.json');
const ADMIN = { name: 'root', password: 'the-operator-of-keycloak' };
const START_MS = 300_000;

/** Passwords and secrets as realm.json has them. */
export const passwordOf = (user: string): string => `${user}-has-a-long-password`;
export const secretOf = (client: string): string => `${client}-has-a-long-client-secret`;
export const KEYCLOAK_CLIENTS = ['fedctl', 'fedctl-nodevice', 'robot'] as const;

export interface Keycloak {
  /** Number of its process group. */
  readonly pid: number;
  /** `https://127.0.0.1:PORT/realms/fedctl` */
  readonly issuer: string;
  readonly origin: string;
  readonly admin: KeycloakAdmin;
  /** Ends the process group. */
  stop(): Promise<void>;
}

export interface KeycloakOptions {
  readonly dist: KeycloakDist;
  readonly port: number;
  /** PEM files; the same authority is trusted for back-channel calls. */
  readonly tls: { readonly ca: string; readonly certificate: string; readonly key: string };
  /** Of the control plane: redirect URIs, back-channel logout. */
  readonly publicUrl: string;
  /** Folder for its log and its database. */
  readonly folder: string;
  /** Starts on the database that stands there, as it was. */
  readonly again?: boolean;
}

/** Starts Keycloak on loopback, over TLS, and makes the realm of test/keycloak/realm.json in it. */
export async function startKeycloak(options: KeycloakOptions): Promise<Keycloak> {
  const { port, tls, publicUrl, folder } = options;
  const origin = `https://127.0.0.1:${port}`;
  const logFile = join(folder, 'keycloak.log');
  const child = launch(options, logFile);
  const dispatcher = new Agent({ connect: { ca: readFileSync(tls.ca, 'utf8') } });
  const stop = async (): Promise<void> => {
    await Promise.all([end(child), dispatcher.destroy()]);
  };
  try {
    await answering(`${origin}/realms/master`, child, dispatcher);
    const admin = await adminOf({ origin, ca: tls.ca });
    const realm = readFileSync(REALM, 'utf8').replaceAll('PUBLIC_URL', publicUrl);
    if (!options.again) await admin.createRealm(JSON.parse(realm));
    return { pid: child.pid ?? 0, issuer: `${origin}/realms/fedctl`, origin, admin, stop };
  } catch (error) {
    await stop();
    throw new Error(`Keycloak did not start; its log is in ${logFile}`, { cause: error });
  }
}

function launch({ dist, port, tls, folder }: KeycloakOptions, logFile: string): ChildProcess {
  const args = [
    'start',
    ...(dist.isBuilt ? ['--optimized'] : BUILD_OPTIONS),
    '--cache=local',
    `--db-url=jdbc:h2:file:${join(folder, 'keycloak')};NON_KEYWORDS=VALUE`,
    `--hostname=https://127.0.0.1:${port}`,
    '--http-host=127.0.0.1',
    `--https-port=${port}`,
    `--https-certificate-file=${tls.certificate}`,
    `--https-certificate-key-file=${tls.key}`,
    `--truststore-paths=${tls.ca}`,
  ];
  const child = spawn(join(dist.home, 'bin/kc.sh'), args, {
    // A group of its own: the script starts Java as its child.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...foreignEnvironment(process.env),
      KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.name,
      KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password,
      JAVA_OPTS_KC_HEAP: '-Xms64m -Xmx512m',
    },
  });
  const log = createWriteStream(logFile, { flags: 'a', mode: 0o600 });
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  return child;
}

async function answering(url: string, child: ChildProcess, dispatcher: Agent): Promise<void> {
  const end = performance.now() + START_MS;
  while (performance.now() < end) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    const status = await fetch(url, { dispatcher }).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    await new Promise((again) => setTimeout(again, 250));
  }
  throw new Error(`no answer within ${START_MS / 1000} s`);
}

/** Its administrator's API, for whoever did not start it. */
export function adminOf({ origin, ca }: { origin: string; ca: string }): Promise<KeycloakAdmin> {
  // Nothing is kept open: nobody closes this.
  const dispatcher = new Agent({ connect: { ca: readFileSync(ca, 'utf8') }, pipelining: 0 });
  return openAdmin({ origin, realm: 'fedctl', account: ADMIN, dispatcher });
}

/** Ends the process group of a Keycloak that somebody else may have started. */
export function endKeycloak(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('close', resolve));
  endKeycloak(child.pid);
  await gone;
}
