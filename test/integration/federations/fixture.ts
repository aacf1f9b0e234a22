import type { Account } from '../../../src/core/accounts.ts';
import type { AuditRow } from '../../../src/core/audit.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/log.ts';
import type { EngineNode } from '../../../src/core/nodes.ts';
import { userPrincipal } from '../../../src/core/principals.ts';
import type { Caller } from '../../../src/core/services.ts';
import type { Access } from '../../../src/server/access/index.ts';
import { ensureDefault } from '../../../src/server/federations/default.ts';
import { createFederations } from '../../../src/server/federations/index.ts';
import type { Services } from '../../../src/server/rpc/call.ts';
import { handlers } from '../../../src/server/rpc/handlers/index.ts';
import type { Input, MethodName, Output } from '../../../src/server/rpc/methods.ts';
import { createPipeline } from '../../../src/server/rpc/pipeline.ts';
import { openStore, type Store } from '../../../src/server/store/index.ts';
import type { TestOpenFga } from '../../support/openfga.ts';
import { makeIdentity, NOW } from '../../support/store-rows.ts';
import { type AccessFixture, openAccess } from '../access/fixture.ts';

export const DEFAULT = '@lab/default';

/** One control plane without its borders: pipeline, handlers, registry, on a real store and a real OpenFGA. */
export interface Plane {
  readonly services: Services;
  readonly access: Access;
  readonly store: Store;
  /** Rows as they were recorded, in order. */
  readonly audit: AuditRow[];
  call<M extends MethodName>(who: string, method: M, input: Input<M>): Promise<Output<M>>;
  /** The error that the call ends with, and its audit row. @throws where it does not fail */
  refused<M extends MethodName>(who: string, method: M, input: Input<M>): Promise<{ error: AppError; row: AuditRow }>;
  /** A role by a stored grant. */
  grant(who: string, role: string, object: string, until?: number): Promise<void>;
  /** Roles that `who` holds by itself on a federation. */
  roles(who: string, federation: string): Promise<readonly string[]>;
  /** A federation made by `root`. */
  create(id: string, fields?: Partial<Input<'federations.create'>>): Promise<void>;
}

export interface Lab extends Plane {
  /** Another process on the same database and OpenFGA store. `over` replaces services. */
  another(over?: (services: Services) => Partial<Services>): Promise<Plane>;
  close(): Promise<void>;
}

/** Nodes as two engines would tell them. */
export const NODES: readonly { engine: string; node: EngineNode; row: undefined }[] = [
  { engine: 'main', node: aNode(11n), row: undefined },
  { engine: 'second', node: aNode(22n), row: undefined },
];

/** With `root` as system admin. People are known by name, from their first mention on. */
export async function openLab(fga: Pick<TestOpenFga, 'url'>): Promise<Lab> {
  const fixture = await openAccess(fga);
  const stores: Store[] = [];
  const first = await openPlane(fixture, fixture.access, fixture.store.store);
  await first.grant('root', 'admin', 'system:fedctl');
  return {
    ...first,
    async another(over) {
      const access = fixture.another();
      await access.service.start();
      const store = await openStore({ kind: 'sqlite', path: fixture.store.path, log: silentLogger });
      stores.push(store);
      return openPlane(fixture, access, store, over);
    },
    close: async () => {
      for (const store of stores) await store.close();
      await fixture.close();
    },
  };
}

async function openPlane(
  _fixture: AccessFixture,
  access: Access,
  store: Store,
  over: (services: Services) => Partial<Services> = () => ({}),
): Promise<Plane> {
  await ensureDefault({ store, id: DEFAULT, engine: 'main', clock: systemClock, log: silentLogger });
  const audit: AuditRow[] = [];
  // As the store keeps them: of several rows of one call the first stands.
  const record = async (row: AuditRow) => {
    if (audit.every(({ requestId }) => requestId !== row.requestId)) audit.push(row);
  };
  const base = {
    sessions: { authenticate: (name: string) => callerNamed(store, name) },
    accounts: store,
    checker: access.checker,
    grants: access.grants,
    runs: { verifyBundle: () => Promise.reject(new AppError('INTERNAL', 'REACHED', 'it got as far as the bundle')) },
    queries: store,
    federations: createFederations({ store, clock: systemClock }),
    invitations: store,
    nodes: {
      list: async (engines: readonly string[]) => NODES.filter(({ engine }) => engines.includes(engine)),
      find: async (id: bigint) => NODES.find(({ node }) => node.id === id),
    },
    audit: { record, recordGrouped: record },
    clock: systemClock,
    log: silentLogger,
    facts: {
      defaultFederation: DEFAULT,
      engines: ['main', 'second'],
      issuerAliases: { 'https://id.example': 'example' },
    },
  } as unknown as Services;
  const services: Services = { ...base, ...over(base) };
  const call = caller(services);
  const principal = async (who: string) => (await callerNamed(store, who)).subject.principal;
  return {
    services,
    access,
    store,
    audit,
    call,
    async refused(who, method, input) {
      const error = await call(who, method, input).then(
        () => Promise.reject(new Error(`${method} should have been refused`)),
        (failure: AppError) => failure,
      );
      const row = audit.at(-1);
      if (!row) throw new Error(`${method} left no audit row`);
      return { error, row };
    },
    async grant(who, role, object, until) {
      await access.grants.grant({ principal: await principal(who), role, object, until });
    },
    async roles(who, federation) {
      const filter = { principal: await principal(who), object: `federation:${federation}` };
      return (await access.grants.grants(filter)).map(({ role }) => role).sort();
    },
    async create(id, fields = {}) {
      await call('root', 'federations.create', {
        federation: id,
        description: '',
        simulation: false,
        engine: '',
        ...fields,
      });
    },
  };
}

function caller(services: Services): Plane['call'] {
  const dispatch = createPipeline(services, handlers);
  return (who, method, input) =>
    dispatch({
      method,
      peer: { address: '127.0.0.1', userAgent: 'test' },
      signal: new AbortController().signal,
      credentials: () => ({ kind: 'bearer', accessToken: who }),
      input: async () => input,
      accepted: () => {},
    }).result;
}

async function callerNamed(store: Store, name: string): Promise<Caller> {
  const account = await accountNamed(store, name);
  const { issuerAlias, subject } = account;
  const asked = { principal: userPrincipal(issuerAlias, subject), issuerAlias, groups: [] };
  return { account, session: { id: `session-${name}` }, subject: asked } as unknown as Caller;
}

function accountNamed(store: Store, name: string): Promise<Account> {
  return store.upsertAccount(makeIdentity({ subject: name, preferredName: name, email: `${name}@example.org` }), NOW);
}

function aNode(id: bigint): EngineNode {
  return {
    id,
    status: 'online',
    registeredAt: NOW,
    lastActivatedAt: NOW,
    lastDeactivatedAt: undefined,
    unregisteredAt: undefined,
    onlineUntil: undefined,
    heartbeatInterval: 30,
    publicKey: new Uint8Array(),
    name: '',
    location: '',
  };
}
