import { setLogger } from '@grpc/grpc-js';
import { type Clock, systemClock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import { traceWithoutSecrets } from '../core/secret-text.ts';
import type { ComponentHealth, Service } from '../core/services.ts';
import { artifactsOf } from './artifact-parts.ts';
import { createBootstrap } from './bootstrap.ts';
import { readSecretFile } from './config/files.ts';
import { formatAddress } from './config/kinds.ts';
import { prepareState } from './config/state.ts';
import type { ServerConfig } from './config/types.ts';
import { countDecisions } from './counted.ts';
import { directCalls } from './direct-calls.ts';
import { createHealth } from './ops/health.ts';
import { createLogger, type LineSink } from './ops/logger.ts';
import { createMetrics } from './ops/metrics.ts';
import { operationRoutes } from './ops/routes.ts';
import { createParts, type Parts, probesOf, type Shared, servicesOf } from './parts.ts';
import { portalRoutes } from './portal/index.ts';
import { tokenMetadata, tokenRoutes } from './portal/token-endpoint.ts';
import type { ServerFacts, Services } from './rpc/call.ts';
import { handlers } from './rpc/handlers/index.ts';
import { createPipeline } from './rpc/pipeline.ts';
import { askedOfRun } from './rpc/targets.ts';
import { fedctlV1 } from './rpc/wire/fedctl-v1.ts';
import { flowerControl, flowerExec } from './rpc/wire/flower-control.ts';
import { flowerHttp } from './rpc/wire/flower-http.ts';
import { createFamilyQuestion } from './runs/bundle-family.ts';
import { createServing } from './serving.ts';
import { type Certificates, createCertificates } from './transport/certificates.ts';
import { version } from './version.ts';

export interface ServerOptions {
  readonly clock?: Clock;
  /** Where the log goes; standard output if absent. */
  readonly logSink?: LineSink;
  readonly failpoint?: Shared['failpoint'];
  /** Names of the wires to serve; all if absent. */
  readonly wires?: readonly string[];
}

/** Every way to speak to this server. */
const WIRES = [fedctlV1, flowerControl, flowerExec, flowerHttp];

export interface RunningServer {
  /** `host:port`. */
  readonly grpcAddress: string;
  readonly httpsAddress: string;
  /** The adapters, for the embedded stack to seed first rights. */
  readonly parts: Parts;
  /** Reads the certificate files again. */
  reload(): Promise<void>;
  /** Not ready, GOAWAY, calls under way end within the drain timeout, then everything is closed. */
  stop(): Promise<void>;
  readonly closed: Promise<void>;
}

const MAX_BUNDLE_BYTES = 10 * 1024 * 1024;

/** Puts the control plane together and starts it; the one place where the parts meet. */
export async function startServer(config: ServerConfig, options: ServerOptions = {}): Promise<RunningServer> {
  traceWithoutSecrets(setLogger);
  const { clock = systemClock } = options;
  const log = createLogger(config.log, options.logSink);
  const registry = createMetrics();
  const { metrics } = registry;
  const shared: Shared = {
    config,
    clock,
    log,
    metrics,
    ...(options.failpoint ? { failpoint: options.failpoint } : {}),
  };
  await prepareState(config);
  const metricsToken = config.metrics.tokenFile ? await readSecretFile(config.metrics.tokenFile) : undefined;
  const certificates = await openCertificates(config, shared);
  const parts = await createParts(shared).catch((error: unknown) => {
    certificates?.close();
    throw error;
  });
  const health = createHealth({ probes: probesOf(parts, shared), clock });
  const issuerAliases = Object.fromEntries(config.oidc.map(({ issuer, alias }) => [issuer, alias]));
  const bootstrap = createBootstrap({
    admins: config.access.admins,
    issuerAliases,
    grants: parts.access.grants,
    log,
  });
  const duties = servicesOf(parts, [bootstrap]);

  const { artifacts, routes: artifactRoutes } = artifactsOf(parts, shared, (subject, run, asked) =>
    services.checker.check(askedOfRun(subject, 'can_pull', run, services), asked),
  );
  const services: Services = {
    login: parts.identity.login,
    pages: parts.identity.pages,
    exchange: parts.identity.exchange,
    providerLogout: parts.identity.providerLogout,
    sessions: parts.identity.sessions,
    accounts: parts.store,
    checker: countDecisions(parts.access.checker, metrics),
    grants: parts.access.grants,
    runs: parts.runs,
    queries: parts.store,
    federations: parts.federations,
    invitations: parts.store,
    nodes: parts.nodes,
    artifacts,
    audit: parts.audit,
    streams: parts.streams,
    clock,
    log,
    health: async () => (await health.report()).components,
    bundleFamily: createFamilyQuestion(parts.engines.get(config.engine[0].name)),
    facts: factsOf(config, issuerAliases),
  };
  const dispatch = createPipeline(services, handlers);
  const { front, https } = createServing({
    config,
    certificates,
    wires: WIRES.filter(({ name }) => options.wires?.includes(name) ?? true),
    dispatch,
    log,
    metrics,
    routes: [
      ...operationRoutes({
        health,
        keys: parts.identity.keys,
        registry,
        issuer: config.server.publicUrl ?? '',
        tokenEndpoint: tokenMetadata(config.server.publicUrl ?? ''),
        metricsToken,
      }),
      ...artifactRoutes,
      ...tokenRoutes({ call: directCalls(dispatch) }),
      ...portalRoutes({ call: directCalls(dispatch), publicUrl: config.server.publicUrl ?? '', clock }),
    ],
  });

  const close = async (): Promise<void> => {
    for (const duty of [...duties].reverse()) await duty.stop();
    for (const engine of parts.engines.values()) await engine.close();
    await parts.store.close();
    certificates?.close();
    registry.close();
  };
  try {
    await startAll(duties);
    const grpcPort = await front.listen();
    const httpsPort = await https.listen();
    log.info({ grpcPort, httpsPort, version }, 'the control plane is up');
    void health.report().then(({ components }) => warnOf(components, log));
    return running({ grpcPort, httpsPort });
  } catch (error) {
    await front.close();
    await https.close();
    await close();
    throw error;
  }

  function running({ grpcPort, httpsPort }: { grpcPort: number; httpsPort: number }): RunningServer {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    let stopping: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      health.drain();
      await Promise.all([front.drain(config.server.drainTimeout), https.drain(config.server.drainTimeout)]);
      await close();
      log.info({}, 'the control plane has stopped');
      resolve();
    };
    return {
      grpcAddress: formatAddress({ ...config.server.grpcAddress, port: grpcPort }),
      httpsAddress: formatAddress({ ...config.server.httpsAddress, port: httpsPort }),
      parts,
      closed,
      reload: async () => void (await certificates?.reload()),
      stop: () => (stopping ??= stop()),
    };
  }
}

function openCertificates(
  { server }: ServerConfig,
  { log, metrics, clock }: Shared,
): Promise<Certificates> | undefined {
  if (server.plaintext || !server.tlsCert || !server.tlsKey) return undefined;
  return createCertificates({ certFile: server.tlsCert, keyFile: server.tlsKey, log, metrics, clock });
}

function factsOf(config: ServerConfig, issuerAliases: ServerFacts['issuerAliases']): ServerFacts {
  const federation = config.access.defaultFederation;
  return {
    version,
    issuer: config.server.publicUrl ?? '',
    maxBundleBytes: MAX_BUNDLE_BYTES,
    defaultFederation: federation,
    engines: config.engine.map(({ name }) => name),
    pulseMs: config.limits.keepalive,
    issuerAliases,
  };
}

/** What is not in order at start; later /readyz tells. */
function warnOf(components: readonly ComponentHealth[], log: Logger): void {
  for (const { name, ok, detail } of components) if (!ok) log.warn({ part: name }, detail);
}

async function startAll(duties: readonly Service[]): Promise<void> {
  for (const duty of duties) await duty.start();
}
