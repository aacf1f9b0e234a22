import { readFileSync } from 'node:fs';
import { checkServerIdentity } from 'node:tls';
import { Client, credentials, Metadata, type ServiceDefinition, type StatusObject } from '@grpc/grpc-js';
import { AccessService } from '../../src/gen/fedctl/v1/access.ts';
import { FederationsService } from '../../src/gen/fedctl/v1/federations.ts';
import { RunsService } from '../../src/gen/fedctl/v1/runs.ts';
import { SessionsService } from '../../src/gen/fedctl/v1/sessions.ts';
import { SupernodesService } from '../../src/gen/fedctl/v1/supernodes.ts';
import { ControlService } from '../../src/gen/flwr/proto/control.ts';
import { ErrorInfo, Status } from '../../src/gen/google/rpc/status.ts';

/** Every procedure of these services, by path, as the generated code defines them. */
export const PROCEDURES: ReadonlyMap<string, ServiceDefinition[string]> = new Map(
  [SessionsService, RunsService, AccessService, FederationsService, SupernodesService, ControlService]
    .flatMap((service) => Object.values(service as ServiceDefinition))
    .map((procedure) => [procedure.path, procedure]),
);

/** All that a client can see of an answer. */
export interface Answer {
  readonly code: number;
  readonly details: string;
  /** Trailer with the request id taken out; names sorted, values in hex. */
  readonly trailer: readonly string[];
  /** Names of the headers before the first message. */
  readonly headers: readonly string[];
  readonly messages: readonly unknown[];
  /** As the server names it in an error; "" without one. */
  readonly requestId: string;
  readonly reason: string;
  readonly milliseconds: number;
}

export interface CallOptions {
  /** A message, or bytes to send as they are. */
  readonly request: object | Uint8Array;
  /** Metadata, such as `authorization`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Ends a stream after that many messages; it is then as if cancelled. */
  readonly take?: number;
}

export interface Wire {
  call(path: string, options: CallOptions): Promise<Answer>;
  close(): void;
}

/** A bare gRPC client of a control plane; no session, no renewal, no repetition. `agent` begins its user agent. */
export function openWire({ address, ca, agent = '' }: { address: string; ca: string; agent?: string }): Wire {
  const host = address.replace(/:\d+$/, '');
  const tls = credentials.createSsl(readFileSync(ca), null, null, {
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
  });
  const client = new Client(`dns:${address}`, tls, {
    'grpc.ssl_target_name_override': 'localhost',
    'grpc.enable_retries': 0,
    'grpc.primary_user_agent': agent,
  });
  return { call: (path, options) => callOnce(client, path, options), close: () => client.close() };
}

/** Metadata as fedctl sends it. */
export function bearer(access: string): Record<string, string> {
  return { authorization: `Bearer ${access}` };
}

/** Metadata as flwr sends it (flower facts, section 2). */
export function flowerPair({ access, refresh }: { access: string; refresh: string }): Record<string, string> {
  return { 'flwr-oidc-access-token': access, 'flwr-oidc-refresh-token': refresh };
}

function callOnce(client: Client, path: string, { request, metadata = {}, take }: CallOptions): Promise<Answer> {
  const procedure = PROCEDURES.get(path);
  if (procedure === undefined) throw new Error(`There is no procedure ${path}.`);
  const sent = new Metadata();
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
  const { requestSerialize, responseDeserialize: decode } = procedure;
  const encode = request instanceof Uint8Array ? (bytes: object) => bytes as Buffer : requestSerialize;
  // Every kind of call looks the same here: one message out, messages until the status in.
  const call = client.makeBidiStreamRequest(path, encode, decode, sent, { deadline: Date.now() + 30_000 });
  const started = performance.now();
  const messages: unknown[] = [];
  let headers: string[] = [];
  call.on('metadata', (received: Metadata) => {
    headers = Object.keys(received.getMap()).sort();
  });
  call.on('data', (message) => {
    messages.push(message);
    if (messages.length === take) call.cancel();
  });
  // The status says it too.
  call.on('error', () => {});
  call.write(request);
  call.end();
  return new Promise((resolve) => {
    call.on('status', (status: StatusObject) => {
      resolve({ ...readStatus(status), headers, messages, milliseconds: performance.now() - started });
    });
  });
}

function readStatus({ code, details, metadata }: StatusObject) {
  const raw = metadata.get('grpc-status-details-bin')[0];
  const info = Buffer.isBuffer(raw) ? readInfo(raw) : undefined;
  const trailer = Object.entries(metadata.getMap())
    .filter(([name]) => name !== 'date')
    .map(([name, value]) => `${name}=${name === 'grpc-status-details-bin' ? info?.rest : value}`)
    .sort();
  return { code, details, trailer, requestId: info?.requestId ?? '', reason: info?.reason ?? '' };
}

/** The details without the request id, which differs by design. */
function readInfo(raw: Buffer) {
  const status = Status.decode(raw);
  const infos = status.details.map((any) => ErrorInfo.decode(any.value));
  const requestId = infos[0]?.metadata['request-id'] ?? '';
  const anonymous = infos.map((info) => ({ ...info, metadata: { ...info.metadata, 'request-id': '' } }));
  const details = status.details.map((any, index) => ({
    ...any,
    value: Buffer.from(ErrorInfo.encode(anonymous[index] ?? ErrorInfo.create()).finish()),
  }));
  const rest = Buffer.from(Status.encode({ ...status, details }).finish()).toString('hex');
  return { requestId, reason: infos[0]?.reason ?? '', rest };
}
