import { randomBytes } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { stringify } from '@iarna/toml';
import { loadConfig } from '../server/config/load.ts';
import type { DevCertificates } from './ca.ts';
import type { EngineLayout } from './engine-release.ts';
import type { DevIdp } from './idp.ts';
import type { Ports } from './ports.ts';
import { DEV_FEDERATION, DEV_ISSUER_ALIAS } from './seeds.ts';

export interface ConfigOptions {
  readonly state: string;
  readonly ports: Ports;
  readonly certificates: DevCertificates;
  readonly idp: DevIdp;
  readonly openfga: { readonly url: string; readonly store: string };
  /** Kind and `host:port` of the engine's Control API; undefined for none. */
  readonly engine: { readonly kind: EngineLayout['kind']; readonly address: string } | undefined;
}

/** Writes `server.toml` and the secret files that it names; returns its path. `fedctl server start --config` takes it too. */
export function writeServerConfig(options: ConfigOptions): string {
  const { state, ports, certificates, idp, openfga, engine } = options;
  const serverState = join(state, 'server');
  mkdirSync(serverState, { recursive: true, mode: 0o700 });
  const masterKey = join(state, 'master.key');
  if (!existsSync(masterKey)) save(masterKey, `${randomBytes(32).toString('base64')}\n`);
  const artifacts = join(state, 'artifacts');
  mkdirSync(artifacts, { recursive: true, mode: 0o700 });
  const clientSecret = join(state, 'client-secret');
  save(clientSecret, `${idp.clientSecret}\n`);
  const tables = {
    server: {
      'grpc-address': `127.0.0.1:${ports.grpc}`,
      'https-address': `127.0.0.1:${ports.https}`,
      'tls-cert': certificates.certificate,
      'tls-key': certificates.key,
      'state-dir': serverState,
      'drain-timeout': '2s',
    },
    secrets: { 'master-key-file': masterKey },
    oidc: [
      {
        alias: DEV_ISSUER_ALIAS,
        issuer: idp.issuer,
        'client-id': idp.clientId,
        'client-secret-file': clientSecret,
        'allow-http': true,
      },
    ],
    openfga: { url: openfga.url, store: openfga.store },
    access: { 'default-federation': DEV_FEDERATION },
    artifacts: { dir: artifacts },
    engine: engine
      ? { kind: engine.kind, name: 'dev', address: engine.address, insecure: true }
      : { kind: 'none', name: 'dev' },
  };
  const file = join(state, 'server.toml');
  save(file, `# Written by fedctl dev at each start; changes are lost.\n${stringify(tables)}`);
  return file;
}

/** A control plane in this process. */
export interface ControlPlane {
  stop(): Promise<void>;
}

/** Starts the control plane of `configFile`; its log goes to `logs/control-plane.log`. */
export async function startControlPlane(options: { configFile: string; logs: string }): Promise<ControlPlane> {
  // Only here: the server's modules are many, and the other parts of the stack start while they load.
  const { startServer } = await import('../server/main.ts');
  mkdirSync(options.logs, { recursive: true, mode: 0o700 });
  const log = createWriteStream(join(options.logs, 'control-plane.log'), { flags: 'a', mode: 0o600 });
  const closeLog = async (): Promise<void> => {
    log.end();
    await finished(log);
  };
  try {
    const server = await startServer(await loadConfig(options.configFile), {
      logSink: { write: (line) => void log.write(line) },
    });
    return {
      stop: async () => {
        await server.stop();
        await closeLog();
      },
    };
  } catch (error) {
    await closeLog();
    throw error;
  }
}

function save(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
