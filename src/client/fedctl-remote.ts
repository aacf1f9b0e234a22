import type { FederationsClient } from '../gen/fedctl/v1/federations.ts';
import type { SupernodesClient } from '../gen/fedctl/v1/supernodes.ts';
import type { Client } from './channel.ts';
import type { Remote, RemoteLog, RemoteLogRequest } from './remote.ts';
import { isExpired, type Session } from './session.ts';
import { callUnary, type UnaryMethod } from './unary.ts';

/** The server waits for the engine, and gives up before this. */
const STOP_MS = 60_000;

interface Place {
  readonly client: Client;
  readonly session: Session;
}

/** A control plane of ours, over fedctl.v1. What only some commands need is loaded when they ask for it. */
export function fedctlRemote({ client, session }: Place): Remote {
  const runs = client.runs;

  async function federations<Request, Response>(
    pick: (stub: FederationsClient) => UnaryMethod<Request, Response>,
    request: Request,
  ): Promise<Response> {
    const stub = client.stub((await import('../gen/fedctl/v1/federations.ts')).FederationsClient);
    return await session.call(pick(stub).bind(stub), request);
  }

  async function supernodes<Request, Response>(
    pick: (stub: SupernodesClient) => UnaryMethod<Request, Response>,
    request: Request,
  ): Promise<Response> {
    const stub = client.stub((await import('../gen/fedctl/v1/supernodes.ts')).SupernodesClient);
    return await session.call(pick(stub).bind(stub), request);
  }

  return {
    kind: 'fedctl',
    startRun: (upload) => startRun({ client, session }, upload),
    listRuns: (request) => session.call(runs.listRuns.bind(runs), request),
    stopRun: (request) => session.call(runs.stopRun.bind(runs), request, STOP_MS),
    readLog: (request) => readLog({ client, session }, request),
    pullArtifacts: (request) => session.call(runs.pullArtifacts.bind(runs), request),
    listSupernodes: (request) => supernodes((stub) => stub.listSupernodes, request),
    registerSupernode: (request) => supernodes((stub) => stub.registerSupernode, request),
    unregisterSupernode: (request) => supernodes((stub) => stub.unregisterSupernode, request),
    listFederations: (request) => federations((stub) => stub.listFederations, request),
    showFederation: (request) => federations((stub) => stub.showFederation, request),
    createFederation: (request) => federations((stub) => stub.createFederation, request),
    archiveFederation: (request) => federations((stub) => stub.archiveFederation, request),
    addSupernode: (request) => federations((stub) => stub.addSupernode, request),
    removeSupernode: (request) => federations((stub) => stub.removeSupernode, request),
    removeMember: (request) => federations((stub) => stub.removeMember, request),
    configureSimulation: (request) => federations((stub) => stub.configureSimulation, request),
    createInvitation: (request) => federations((stub) => stub.createInvitation, request),
    listInvitations: (request) => federations((stub) => stub.listInvitations, request),
    acceptInvitation: (request) => federations((stub) => stub.acceptInvitation, request),
    rejectInvitation: (request) => federations((stub) => stub.rejectInvitation, request),
    revokeInvitation: (request) => federations((stub) => stub.revokeInvitation, request),
    async bundleFamily() {
      const method = client.sessions.getServerInfo.bind(client.sessions);
      return (await callUnary(client, method, { probe: false })).bundleFamily;
    },
  };
}

async function startRun({ client, session }: Place, upload: Parameters<Remote['startRun']>[0]) {
  const { uploadRun } = await import('./uploads.ts');
  const token = await session.token();
  try {
    return await uploadRun(client, token, upload);
  } catch (error) {
    // A call that was refused for its token was not carried out.
    if (!isExpired(error)) throw error;
    return await uploadRun(client, await session.renewed(token), upload);
  }
}

async function* readLog(place: Place, { onLost, ...request }: RemoteLogRequest): AsyncGenerator<RemoteLog> {
  const { readLog: read } = await import('./logs.ts');
  for await (const event of read({ ...place, ...request })) {
    if (event.kind === 'reconnecting') onLost(event.error);
    else if (event.kind === 'text') yield { text: event.text, finished: undefined };
    else yield { text: '', finished: event.run };
  }
}
