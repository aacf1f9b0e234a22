import { randomBytes, randomUUID } from 'node:crypto';
import type { Account, Identity } from '../../src/core/accounts.ts';
import type { AuditRow } from '../../src/core/audit.ts';
import type { Federation } from '../../src/core/federations.ts';
import type { NodeRow } from '../../src/core/nodes.ts';
import type { Run } from '../../src/core/runs.ts';
import type { LoginFlow, NewSession } from '../../src/core/sessions.ts';
import type { Store } from '../../src/server/store/index.ts';

/** Rows with valid, distinct values; a test names only what it is about. */

export const NOW = 1_700_000_000_000;

export function makeIdentity(fields: Partial<Identity> = {}): Identity {
  const subject = randomUUID();
  return {
    kind: 'user',
    issuer: 'https://id.example',
    issuerAlias: 'example',
    subject,
    preferredName: `user-${subject}`,
    displayName: 'A Person',
    email: `${subject}@example.org`,
    groups: [],
    authTime: NOW,
    ...fields,
  };
}

function makeSession(account: Account, fields: Partial<NewSession> = {}): NewSession {
  return {
    id: randomUUID(),
    accountId: account.id,
    createdAt: NOW,
    expiresAt: NOW + 30_000,
    idleMs: 10_000,
    authTime: NOW,
    groups: ['staff', 'a "quoted" group'],
    client: 'fedctl/1',
    host: 'laptop',
    address: '127.0.0.1',
    sealedProviderToken: 'sealed-provider-token',
    sealedPair: 'sealed-pair',
    origin: account.issuerAlias,
    providerSid: 'sid-at-the-provider',
    acr: 'level-1',
    sealedIdToken: 'sealed-id-token',
    sealedProviderAccess: 'sealed-provider-access',
    exchangeHash: undefined,
    scopes: undefined,
    ...fields,
  };
}

/** A session of a new account, as it was stored, with the hash of its refresh token. */
export async function storeSession(store: Store, fields: Partial<NewSession> = {}) {
  const session = makeSession(await store.upsertAccount(makeIdentity(), NOW), fields);
  const refreshHash = randomUUID();
  await store.createSession(session, refreshHash);
  return { session, refreshHash };
}

export function makeLogin(fields: Partial<LoginFlow> = {}): LoginFlow {
  return {
    handleHash: randomUUID(),
    kind: 'device',
    state: 'pending',
    issuerAlias: 'example',
    sealedDeviceCode: 'sealed-device-code',
    sealedRequest: 'sealed-request',
    sealedResult: undefined,
    failure: '',
    userCode: undefined,
    stateHash: undefined,
    browserHash: undefined,
    startedAt: NOW,
    expiresAt: NOW + 600_000,
    intervalMs: 5_000,
    nextPollAt: NOW + 5_000,
    client: 'fedctl/1',
    host: 'laptop',
    address: '127.0.0.1',
    ...fields,
  };
}

let lastId = 4_000_000_000_000_000_000n;

/** An id that no other row has. */
export function nextRunId(): bigint {
  lastId += 1n;
  return lastId;
}

export function makeRun(fields: Partial<Run> = {}): Run {
  return {
    key: randomUUID(),
    id: undefined,
    requestId: randomUUID(),
    engine: 'engine-1',
    federation: '@lab/default',
    ownerAccountId: 'account-1',
    owner: 'user:example|1',
    ownerHandle: 'alice',
    app: 'lab/app',
    appVersion: '1.0.0',
    bundleSha256: randomBytes(32).toString('hex'),
    status: 'submitting',
    reason: '',
    createdAt: NOW,
    startingAt: undefined,
    runningAt: undefined,
    finishedAt: undefined,
    quarantined: false,
    stopRequestedAt: undefined,
    ...fields,
  };
}

export function makeAudit(fields: Partial<AuditRow> = {}): AuditRow {
  return {
    requestId: randomUUID(),
    at: NOW,
    action: 'runs.start',
    principal: 'user:example|1',
    accountId: 'account-1',
    sessionId: 'session-1',
    address: '127.0.0.1',
    userAgent: 'fedctl/1',
    object: 'federation:@lab/default',
    right: 'can_run',
    decision: 'allow',
    reason: '',
    bundle: '',
    ...fields,
  };
}

/** Inserts a run with an id of its own unless told otherwise. */
export async function storeRun(store: Store, fields: Partial<Run> = {}): Promise<Run> {
  const { run } = await store.insertRun(makeRun({ id: nextRunId(), status: 'pending', ...fields }), makeAudit());
  return run;
}

export function makeFederation(fields: Partial<Federation> = {}): Federation {
  return {
    id: `@lab/${randomUUID()}`,
    description: 'A federation "of" tests',
    engine: 'engine-1',
    simulation: false,
    simulationConfig: {},
    createdAt: NOW,
    createdBy: 'account-1',
    archivedAt: undefined,
    ...fields,
  };
}

export function makeNode(fields: Partial<NodeRow> = {}): NodeRow {
  return {
    engine: 'default',
    id: randomBytes(8).readBigUInt64BE(),
    federation: '@lab/default',
    ownerAccountId: 'account',
    owner: 'user:example|1',
    ownerHandle: 'user',
    name: 'Ward 7',
    location: '48.137,11.575',
    registeredAt: NOW,
    unregisteredAt: undefined,
    ...fields,
  };
}
