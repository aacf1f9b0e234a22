import type { AuditLog } from '../core/audit.ts';
import type { Clock } from '../core/clock.ts';
import type { Engine } from '../core/engine.ts';
import { AppError } from '../core/errors.ts';
import type { Federations } from '../core/federations.ts';
import type { Logger } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Service } from '../core/services.ts';
import { createAccess } from './access/index.ts';
import { createAuditLog } from './audit/audit-log.ts';
import { readSecretFile } from './config/files.ts';
import { formatAddress } from './config/kinds.ts';
import type { EngineConfig, ServerConfig } from './config/types.ts';
import { openEngine, probeBorder } from './engine/index.ts';
import { ensureDefault } from './federations/default.ts';
import { createFederations } from './federations/index.ts';
import { createIdentity, openVault, type Vault } from './identity/index.ts';
import { recordIdentityEvents } from './identity-audit.ts';
import { createNodes } from './nodes/index.ts';
import type { Probe } from './ops/health.ts';
import { proxyOf } from './proxies.ts';
import type { StreamCounter } from './rpc/call.ts';
import { createRunService } from './runs/service.ts';
import { openStore, type Store } from './store/index.ts';
import { createSlots } from './transport/limits.ts';
import { trustOf } from './trust-parts.ts';
import { version } from './version.ts';

/** What the parts of the server share. */
export interface Shared {
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Called between any two steps of a submit or a renewal; for crash tests. */
  readonly failpoint?: (name: string) => void;
}

/** The adapters, put together and not yet started. */
export type Parts = Awaited<ReturnType<typeof createParts>>;

/** Opens the store and makes every adapter. @throws AppError where the configuration or the stored data forbid a start */
export async function createParts(shared: Shared) {
  const { config, clock, log } = shared;
  const store = await openStore({ kind: config.database.kind, path: config.database.path ?? '', log, clock });
  try {
    const audit = createAuditLog({ rows: store, log });
    const vault = await openVault({ file: config.secrets.masterKeyFile, meta: store });
    const identity = await identityOf(shared, { store, audit, vault });
    const access = await accessOf(shared, store);
    const engines = enginesOf(shared);
    const federations = await federationsOf(shared, store);
    const { runs, service: runDuties } = createRunService({
      engines,
      engineOf: async (id) => (await federations.find(id))?.engine,
      stores: { runs: store, bundles: store, logs: store, meta: store },
      clock,
      log,
      settings: {
        reconcileEveryMs: config.runs.reconcile,
        giveUpAfterMs: config.runs.unmatched,
        maxLogBytes: config.logs.maxPerRun,
        logRetentionMs: config.logs.retention,
        bundleRetentionMs: config.runs.bundleRetention,
      },
      ...(shared.failpoint ? { failpoint: shared.failpoint } : {}),
    });
    return {
      store,
      audit,
      identity,
      access,
      engines,
      federations,
      nodes: createNodes({ engines, store, clock, log }),
      vault,
      runs,
      runDuties,
      streams: streamCounter(config.limits, shared.metrics),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function identityOf(
  { config, clock, log, metrics, failpoint }: Shared,
  { store, audit, vault }: { store: Store; audit: AuditLog; vault: Vault },
) {
  const providers = config.oidc.map(async (provider) => ({
    alias: provider.alias,
    issuer: provider.issuer,
    clientId: provider.clientId,
    clientSecret: await readSecretFile(provider.clientSecretFile),
    caFile: provider.ca,
    proxy: await proxyOf(provider, '[[oidc]] proxy'),
    scopes: provider.scopes,
    offlineAccess: provider.offlineAccess,
    groupsClaim: provider.groupsClaim,
    usernameClaim: provider.usernameClaim,
    name: provider.name,
    page: provider.page,
    allowPassword: provider.allowPassword,
    resource: provider.resource,
    authorizationParameters: provider.authorizationParameters,
    // Whoever may hold one provider's secret is no stranger to the others (security.md MD-02).
    endpointOrigins: [...provider.endpointOrigins, ...config.oidc.map(({ issuer }) => new URL(issuer).origin)],
    allowInsecure: provider.allowHttp,
    shareTokens: provider.shareTokens,
  }));
  return createIdentity({
    issuerUrl: config.server.publicUrl ?? '',
    audience: config.tokens.audience ?? '',
    providers: await Promise.all(providers),
    trust: await trustOf(config),
    audiences: config.tokens.audiences,
    vault,
    tokens: {
      accessTtlMs: config.tokens.access,
      idleMs: config.tokens.idle,
      maxMs: config.tokens.max,
      withoutRefreshMs: config.tokens.withoutRefresh,
      keyRotationMs: config.tokens.keyRotation,
    },
    limits: {
      pending: config.limits.pendingLogins,
      pendingPerAddress: config.limits.pendingLoginsPerAddress,
      startsPerMinute: config.limits.loginsPerMinute,
      lifeMs: config.limits.loginLifetime,
    },
    accounts: store,
    sessions: store,
    renewals: store,
    logins: store,
    keys: store,
    once: store,
    clock,
    log,
    onEvent: recordIdentityEvents(audit, metrics),
    ...(failpoint ? { failpoint } : {}),
  });
}

async function accessOf({ config, clock, log, metrics }: Shared, store: Store) {
  const { openfga } = config;
  // Ids of OpenFGA are ULIDs; anything else is a name.
  const isId = /^[0-9A-HJKMNP-TV-Z]{26}$/.test(openfga.store);
  return createAccess({
    url: openfga.url,
    storeId: isId ? openfga.store : undefined,
    storeName: openfga.store,
    modelId: openfga.model,
    apiToken: openfga.apiTokenFile ? await readSecretFile(openfga.apiTokenFile) : undefined,
    caFile: openfga.ca,
    proxy: await proxyOf(openfga, '[openfga] proxy'),
    deadlineMs: openfga.deadline,
    cacheMs: openfga.cache,
    watchMs: openfga.watch,
    everybody: config.access.defaultRoles.map((role) => ({ federation: config.access.defaultFederation, role })),
    meta: store,
    index: store,
    clock,
    log,
    observe: ({ ms, ok }) =>
      metrics.observe(
        'dependency_duration_seconds',
        { dependency: 'openfga', outcome: ok ? 'ok' : 'error' },
        ms / 1000,
      ),
  });
}

async function federationsOf({ config, clock, log }: Shared, store: Store): Promise<Federations> {
  await ensureDefault({ store, id: config.access.defaultFederation, engine: config.engine[0].name, clock, log });
  return createFederations({ store, clock });
}

/** All engines, by name; the first one serves the default federation. */
function enginesOf({ config, log }: Shared): ReadonlyMap<string, Engine> {
  const opened = config.engine.flatMap(({ kind, name, address, insecure, ca }) => {
    if (kind === 'none' || !address) return [];
    const options = { kind, name, address: formatAddress(address), insecure, ...(ca ? { caFile: ca } : {}), log };
    return [[name, openEngine({ ...options, userAgent: `fedctl/${version}` })] as const];
  });
  return new Map(opened);
}

/** What health asks; without store or OpenFGA nothing can be answered. */
export function probesOf(
  { store, identity, access, engines }: Parts,
  { config, log }: Pick<Shared, 'config' | 'log'>,
): readonly Probe[] {
  return [
    { name: 'store', essential: true, probe: () => store.probe() },
    { name: 'openfga', essential: true, probe: () => access.probe() },
    { name: 'identity-provider', essential: false, probe: () => identity.probe() },
    ...config.engine.flatMap((one): Probe[] => {
      const engine = engines.get(one.name);
      if (engine === undefined) return [];
      const suffix = config.engine.length === 1 ? ('' as const) : (`:${one.name}` as const);
      return [
        { name: `engine${suffix}`, essential: false, probe: () => engine.probe() },
        { name: `engine-border${suffix}`, essential: false, probe: borderProbe(one, log) },
      ];
    }),
  ];
}

/** Health is for everybody: where the way past this server is stands in the log alone, once for each news. */
function borderProbe({ name, address, insecure }: EngineConfig, log: Logger): Probe['probe'] {
  let told = '';
  return async () => {
    if (!address) return;
    const { ok, detail } = await probeBorder({ name, address: formatAddress(address), insecure });
    if (!ok && detail !== told) log.error({ engine: name }, detail);
    told = detail;
    if (ok) return;
    throw new AppError(
      'FAILED_PRECONDITION',
      'ENGINE_EXPOSED',
      `The engine "${name}" can be reached past this server: its log says where, and how to end that.`,
    );
  };
}

function streamCounter(limits: ServerConfig['limits'], metrics: Metrics): StreamCounter {
  const slots = createSlots({ perKey: limits.logStreamsPerAccount, total: limits.logStreams });
  const show = () => metrics.set('log_streams', {}, slots.taken);
  return {
    enter(account) {
      const release = slots.take(account);
      if (typeof release !== 'function') {
        throw new AppError('RESOURCE_EXHAUSTED', 'TOO_MANY_STREAMS', 'Too many logs are being followed at once.', {
          hint: 'Close one of them, then try again.',
        });
      }
      show();
      return () => {
        release();
        show();
      };
    },
  };
}

/** Duties with a beginning and an end, in the order of their start. */
export function servicesOf(
  { audit, identity, access, runDuties }: Parts,
  more: readonly Service[],
): readonly Service[] {
  return [audit, access.service, identity.service, runDuties, ...more];
}
