import type { Federation } from '../../../src/core/federations.ts';
import type { Run } from '../../../src/core/runs.ts';
import type {
  LogMessage,
  MethodName,
  Output,
  SeenFederation,
  SeenInvitation,
  SeenNode,
  SeenRun,
} from '../../../src/server/rpc/methods.ts';

/** What a server answers that always answers the same: recorded bytes are of these. */
export const FINISHED_RUN = 16_045_690_984_833_335_023n;
export const RUNNING_RUN = 42n;
const NOW = Date.UTC(2030, 0, 2, 3, 4, 5, 6);
const MINUTE = 60_000;

const run: Run = {
  key: 'run-1',
  id: FINISHED_RUN,
  requestId: 'request-1',
  engine: 'default',
  federation: '@lab/default',
  ownerAccountId: 'account-1',
  owner: 'user:idp|alice',
  ownerHandle: 'alice',
  app: 'lab/ticker',
  appVersion: '1.0.0',
  bundleSha256: 'ab'.repeat(32),
  status: 'finished:completed',
  reason: 'The app ran to its end.',
  createdAt: NOW - 10 * MINUTE,
  startingAt: NOW - 9 * MINUTE,
  runningAt: NOW - 8 * MINUTE,
  finishedAt: NOW - 2 * MINUTE,
  quarantined: false,
  stopRequestedAt: undefined,
};

const finished: SeenRun = { run, mine: true };
const running: SeenRun = {
  run: {
    ...run,
    key: 'run-2',
    id: RUNNING_RUN,
    status: 'running',
    reason: 'The app is running.',
    finishedAt: undefined,
  },
  mine: true,
};

const node: SeenNode = {
  node: {
    id: 18_446_744_073_709_551_615n,
    status: 'online',
    registeredAt: NOW - 60 * MINUTE,
    lastActivatedAt: NOW - 30 * MINUTE,
    lastDeactivatedAt: undefined,
    unregisteredAt: undefined,
    onlineUntil: NOW + MINUTE,
    heartbeatInterval: 30,
    publicKey: Buffer.from('-----BEGIN PUBLIC KEY-----\n'),
    name: 'site-1',
    location: '52.5,13.4',
  },
  engine: 'default',
  federations: ['@lab/default'],
  ownerHandle: 'alice',
  ownerAccountId: 'account-1',
  mine: true,
  name: 'site-1',
  location: '52.5,13.4',
};

const federation: Federation = {
  id: '@lab/default',
  description: 'Five sites',
  engine: 'default',
  simulation: false,
  simulationConfig: {},
  createdAt: NOW,
  createdBy: '',
  archivedAt: undefined,
};

const seen: SeenFederation = { federation, rights: ['can_run', 'can_admin'], memberCount: 2, isDefault: true };
const simulated: SeenFederation = {
  ...seen,
  federation: { ...federation, id: '@lab/tests', simulation: true, simulationConfig: { 'num-supernodes': 4n } },
  isDefault: false,
};

const invitation: SeenInvitation = {
  invitation: {
    id: 'invitation-1',
    federation: '@lab/default',
    inviterAccountId: 'account-1',
    inviteeAccountId: 'account-2',
    role: 'runner',
    status: 'pending',
    createdAt: NOW - 60 * MINUTE,
    changedAt: NOW - 60 * MINUTE,
  },
  inviterHandle: 'alice',
  inviteeHandle: 'bob',
};

async function* logs(): AsyncGenerator<LogMessage> {
  yield { text: 'tick 1 of 2\n', nextOffset: 12, engineTimestamp: 1000.25, finished: undefined };
  yield { text: 'tick 2 of 2\n', nextOffset: 24, engineTimestamp: 1000.75, finished: undefined };
  yield { text: '', nextOffset: 24, engineTimestamp: 0, finished };
}

type Fixed = { readonly [M in MethodName]?: () => Output<M> };

export const FIXED_ANSWERS: Fixed = {
  'login.start': () => ({
    handle: 'handle-of-a-login',
    userCode: 'ABCD-EFGH',
    verificationUri: 'https://idp.example/device',
    verificationUriComplete: 'https://idp.example/device?user_code=ABCD-EFGH',
    expiresIn: 600,
    interval: 1,
    issuerAlias: 'idp',
    authorizationUrl: '',
  }),
  'login.poll': () => ({
    state: 'approved',
    tokens: {
      accessToken: 'an-access-token',
      refreshToken: 'a-refresh-token',
      expiresIn: 600,
      sessionId: 'session-1',
      accountHandle: 'alice',
    },
  }),
  'runs.start': () => running,
  'runs.list': () => ({ runs: [running, finished], nextCursor: '', now: NOW }),
  'runs.get': () => ({ run: finished, now: NOW }),
  'runs.stop': () => running,
  'runs.logs': () => logs(),
  'runs.pull': () => ({ url: 'https://fedctl.example/artifacts/sealed', expiresInMs: 300_000 }),
  'nodes.list': () => ({ nodes: [node], now: NOW }),
  'nodes.register': () => ({ nodeId: node.node.id }),
  'nodes.unregister': () => ({}),
  'federations.list': () => ({ federations: [seen, simulated] }),
  'federations.show': () => ({
    seen,
    members: [{ who: 'alice', accountId: 'account-1', role: 'admin', until: undefined }],
    nodes: [node],
    runs: [finished],
    now: NOW,
  }),
  'federations.create': () => seen,
  'federations.archive': () => ({}),
  'federations.add-node': () => ({}),
  'federations.remove-node': () => ({}),
  'federations.remove-member': () => ({}),
  'federations.leave': () => ({}),
  'federations.configure-simulation': () => simulated,
  'invitations.create': () => invitation,
  'invitations.list': () => ({ created: [invitation], received: [invitation] }),
  'invitations.accept': () => ({}),
  'invitations.reject': () => ({}),
  'invitations.revoke': () => ({}),
};
