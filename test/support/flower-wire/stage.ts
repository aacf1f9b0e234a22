import { ServerCredentials } from '@grpc/grpc-js';
import { AppError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { silentMetrics } from '../../../src/core/metrics.ts';
import { parseConfig } from '../../../src/server/config/load.ts';
import type { MethodName } from '../../../src/server/rpc/methods.ts';
import type { Dispatch, Incoming } from '../../../src/server/rpc/pipeline.ts';
import type { Binding, Wire } from '../../../src/server/rpc/wire/binding.ts';
import { createCalls } from '../../../src/server/transport/calls.ts';
import { createGrpcServer } from '../../../src/server/transport/grpc.ts';
import type { TestPair } from '../certificates.ts';
import { FIXED_ANSWERS } from './fixed-answers.ts';
import { toPlain } from './plain.ts';

/** One call of a real client, and what it was answered. Bytes are hexadecimal. */
export interface RecordedCall {
  readonly path: string;
  /** What its headers announce; "" before 1.30. */
  readonly release: string;
  readonly method: MethodName;
  readonly request: string;
  /** As {@link toPlain} writes it. */
  readonly input: unknown;
  readonly answer: string[];
}

export interface FlowerStage {
  readonly port: number;
  /** Calls since the last time it was asked. */
  take(): readonly RecordedCall[];
  stop(): void;
}

const LIMITS = parseConfig(
  `[[oidc]]\nalias = "a"\nissuer = "https://idp.example"\nclient-id = "c"\nclient-secret-file = "s"\n[openfga]\nurl = "http://127.0.0.1:1"\n[server]\ntls-cert = "c"\ntls-key = "k"\n[engine]\nkind = "none"\n`,
  'server.toml',
).limits;

/** Refusals by the id of the run or node that a command names. */
export const REFUSALS: ReadonlyMap<bigint, AppError> = new Map([
  [404n, new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'There is no such run, or you may not see it.')],
  [405n, new AppError('NOT_FOUND', 'NODE_NOT_FOUND', 'There is no such SuperNode, or you may not see it.')],
  [403n, new AppError('PERMISSION_DENIED', 'NOT_PERMITTED', 'You are not permitted to do this.')],
  [412n, new AppError('FAILED_PRECONDITION', 'RUN_FINISHED', 'The run has finished already.')],
  [413n, new AppError('FAILED_PRECONDITION', 'RUN_NOT_FINISHED', 'The run has not finished yet.')],
  [501n, new AppError('FAILED_PRECONDITION', 'ARTIFACTS_NOT_CONFIGURED', 'This server keeps no files of runs.')],
  [503n, new AppError('UNAVAILABLE', 'AUTHORIZATION_UNAVAILABLE', 'OpenFGA can not be reached.')],
  [401n, new AppError('UNAUTHENTICATED', 'SESSION_ENDED', 'Your session has ended.')],
  [429n, new AppError('RESOURCE_EXHAUSTED', 'TOO_MANY_STREAMS', 'Too many logs are being followed at once.')],
]);

/** The real wires over TLS, before a pipeline that lets everybody in and always answers the same. */
export async function openFlowerStage(wires: readonly Wire[], pair: TestPair): Promise<FlowerStage> {
  let taken: RecordedCall[] = [];
  const recording = wires.map((wire) => ({ ...wire, bindings: wire.bindings.map((one) => recorded(one)) }));
  const calls = createCalls({ dispatch, limits: LIMITS, log: silentLogger, metrics: silentMetrics });
  const server = createGrpcServer({ wires: recording, calls, limits: LIMITS });
  const keys = { private_key: Buffer.from(pair.key), cert_chain: Buffer.from(pair.cert) };
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(null, [keys]), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return {
    port,
    take() {
      const all = taken;
      taken = [];
      return all;
    },
    stop: () => server.forceShutdown(),
  };

  function recorded(binding: Binding): Binding {
    const { instead } = binding;
    return {
      ...binding,
      ...(instead && {
        instead: (message: Uint8Array) => {
          const other = instead(message);
          return other && recorded(other);
        },
      }),
      decode(messages, headers) {
        const input = binding.decode(messages, headers);
        const request = Buffer.concat(messages).toString('hex');
        const release = headers.get('flwr-package-version')[0] ?? '';
        const { path, method } = binding;
        taken.push({ path, release, method, request, input: toPlain(input), answer: [] });
        return input;
      },
      encode(output, headers) {
        const answer = taken.findLast(({ path }) => path === binding.path)?.answer ?? [];
        const keep = (message: Uint8Array): Uint8Array => {
          answer.push(Buffer.from(message).toString('hex'));
          return message;
        };
        const encoded = binding.encode(output, headers);
        return encoded instanceof Uint8Array ? keep(encoded) : each(encoded, keep);
      },
    };
  }
}

async function* each(messages: AsyncIterable<Uint8Array>, keep: (message: Uint8Array) => Uint8Array) {
  for await (const message of messages) yield keep(message);
}

const dispatch = ((incoming: Incoming<MethodName>) => ({ requestId: 'ref-1', result: answer(incoming) })) as Dispatch;

async function answer(incoming: Incoming<MethodName>): Promise<unknown> {
  incoming.credentials();
  incoming.accepted(undefined);
  const input = (await incoming.input()) as { runId?: bigint; nodeId?: bigint };
  const refusal = REFUSALS.get(input.runId ?? input.nodeId ?? 0n);
  if (refusal) throw refusal;
  return FIXED_ANSWERS[incoming.method]?.();
}

/** Headers as a client of a release sends them. */
export function headersOf(release: string): { get(name: string): readonly string[] } {
  return { get: (name) => (name === 'flwr-package-version' && release !== '' ? [release] : []) };
}
