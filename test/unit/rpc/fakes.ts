import type { AccessQuestion, Checker } from '../../../src/core/access.ts';
import type { AuditRow } from '../../../src/core/audit.ts';
import { AppError } from '../../../src/core/errors.ts';
import type { Federation } from '../../../src/core/federations.ts';
import { silentLogger } from '../../../src/core/log.ts';
import type { Run } from '../../../src/core/runs.ts';
import type { Caller } from '../../../src/core/services.ts';
import type { Services } from '../../../src/server/rpc/call.ts';

export const alice: Caller = {
  account: {
    kind: 'user',
    id: 'acc-alice',
    issuer: 'https://idp.example',
    issuerAlias: 'idp',
    subject: 'alice',
    handle: 'alice',
    displayName: 'Alice',
    email: 'alice@example.test',
    createdAt: 0,
    lastLoginAt: 0,
  },
  session: {
    id: 'session-1',
    accountId: 'acc-alice',
    createdAt: 0,
    renewedAt: 0,
    expiresAt: 1e15,
    idleMs: 1e9,
    authTime: 0,
    groups: [],
    client: '',
    host: '',
    address: '',
    sealedProviderToken: undefined,
    sealedPair: '',
    origin: 'idp',
    providerSid: '',
    acr: '',
    sealedIdToken: undefined,
    sealedProviderAccess: undefined,
    exchangeHash: undefined,
    scopes: undefined,
    generation: 1,
    seenGeneration: 1,
    revokedAt: undefined,
    revokedReason: '',
  },
  subject: { principal: 'user:idp|alice', issuerAlias: 'idp', groups: [] },
  scopes: undefined,
};

export function aRun(over: Partial<Run> = {}): Run {
  return {
    key: 'run-1',
    id: 42n,
    requestId: 'request-1',
    engine: 'default',
    federation: '@lab/default',
    ownerAccountId: 'acc-bob',
    owner: 'user:idp|bob',
    ownerHandle: 'bob',
    app: 'lab/tiny',
    appVersion: '1.0.0',
    bundleSha256: 'ab'.repeat(32),
    status: 'running',
    reason: 'Training.',
    createdAt: 1_700_000_000_000,
    startingAt: undefined,
    runningAt: undefined,
    finishedAt: undefined,
    quarantined: false,
    stopRequestedAt: undefined,
    ...over,
  };
}

const FEDERATIONS: readonly Federation[] = [
  {
    id: '@lab/default',
    description: '',
    engine: 'default',
    simulation: false,
    simulationConfig: {},
    createdAt: 0,
    createdBy: '',
    archivedAt: undefined,
  },
];

export interface Recorded {
  readonly services: Services;
  readonly audit: { row: AuditRow; grouped: boolean }[];
  readonly asked: { question: AccessQuestion; fresh: boolean }[];
}

/** Services whose decisions are a function and whose rows are a list; everything that the test does not name fails. */
export function servicesWith(options: {
  may: (question: AccessQuestion) => boolean;
  runs?: readonly Run[];
  over?: Partial<Services>;
}): Recorded {
  const audit: Recorded['audit'] = [];
  const asked: Recorded['asked'] = [];
  const checker: Checker = {
    check: async (question, how) => {
      asked.push({ question, fresh: how?.fresh ?? false });
      return options.may(question);
    },
    checkMany: async (questions) => {
      asked.push(...questions.map((question) => ({ question, fresh: false })));
      return questions.map(options.may);
    },
  };
  const unused = new Proxy({}, { get: (_, name) => () => Promise.reject(new Error(`not expected: ${String(name)}`)) });
  const services = {
    login: unused,
    accounts: unused,
    grants: unused,
    runs: unused,
    providerLogout: { ...unused, endSessionUrl: async () => '' },
    sessions: {
      ...unused,
      authenticate: async (token: string) => {
        if (token === 'good') return alice;
        throw new AppError('UNAUTHENTICATED', 'TOKEN_INVALID', 'no');
      },
    },
    checker,
    queries: {
      runById: async (id: bigint) => options.runs?.find((run) => run.id === id),
      listRuns: async (_filter: unknown, limit: number, before?: { key: string }) => {
        const rows = options.runs ?? [];
        const start = before ? rows.findIndex((run) => run.key === before.key) + 1 : 0;
        return rows.slice(start, start + limit);
      },
    },
    audit: {
      record: async (row: AuditRow) => void audit.push({ row, grouped: false }),
      recordGrouped: async (row: AuditRow) => void audit.push({ row, grouped: true }),
    },
    federations: {
      ...unused,
      all: async () => FEDERATIONS,
      find: async (id: string) => FEDERATIONS.find((federation) => federation.id === id),
    },
    streams: unused,
    clock: { now: () => 1_700_000_100_000, monotonic: () => 0 },
    log: silentLogger,
    health: async () => [],
    bundleFamily: async () => 4,
    facts: {
      version: '0.0.0',
      issuer: 'https://fedctl.example',
      maxBundleBytes: 10,
      defaultFederation: '@lab/default',
      engines: ['default'],
      issuerAliases: { 'https://idp.example': 'idp' },
    },
    ...options.over,
  } as unknown as Services;
  return { services, audit, asked };
}
