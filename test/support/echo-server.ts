import { setTimeout as delay } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import { silentLogger } from '../../src/core/log.ts';
import { readTables } from '../../src/server/config/tables.ts';
import type { ServerConfig } from '../../src/server/config/types.ts';
import type { Certificates } from '../../src/server/transport/certificates.ts';
import { createFront, type Front } from '../../src/server/transport/front.ts';
import { grpcServerOptions } from '../../src/server/transport/limits.ts';

type Limits = ServerConfig['limits'];

/** The documented limits, with changes. */
export function testLimits(changes: Partial<Limits> = {}): Limits {
  return { ...readTables({}, { dir: '/' }).config.limits, ...changes };
}

const bytes = (value: Buffer) => value;
const method = (name: string, responseStream: boolean) => ({
  path: `/test.Echo/${name}`,
  requestStream: false,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});
const SERVICE = { Say: method('Say', false), Wait: method('Wait', false) };

export interface EchoServer {
  readonly front: Front;
  readonly server: grpc.Server;
  readonly port: number;
  /** Calls of Wait that have arrived. */
  waiting(): number;
  /** Answers all calls of Wait. */
  release(): void;
  stop(): Promise<void>;
}

/** A grpc-js server behind the front: Say answers what it gets, Wait does so after `release()`. */
export async function startEchoServer(options: {
  certificates: Certificates | undefined;
  limits?: Partial<Limits>;
}): Promise<EchoServer> {
  const limits = testLimits(options.limits);
  const server = new grpc.Server(grpcServerOptions(limits));
  const held: (() => void)[] = [];
  server.addService(SERVICE, {
    Say: (call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) => reply(null, call.request),
    Wait: (call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) =>
      held.push(() => reply(null, call.request)),
  });
  const { certificates } = options;
  const front = createFront({ server, certificates, host: '127.0.0.1', port: 0, limits, log: silentLogger });
  const port = await front.listen();
  return {
    front,
    server,
    port,
    waiting: () => held.length,
    release: () => {
      for (const answer of held.splice(0)) answer();
    },
    async stop() {
      await front.close();
      server.forceShutdown();
    },
  };
}

export interface EchoClient {
  say(text: string): Promise<string>;
  wait(text: string): Promise<string>;
  close(): void;
}

export function echoClient(port: number, ca: string | undefined): EchoClient {
  const credentials =
    ca === undefined ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(Buffer.from(ca));
  const Client = grpc.makeGenericClientConstructor(SERVICE as never, 'Echo');
  const client = new Client(`localhost:${port}`, credentials, { 'grpc.use_local_subchannel_pool': 1 });
  const call = (name: 'Say' | 'Wait', text: string) =>
    new Promise<string>((resolve, reject) => {
      const invoke = (client[name] as (...args: unknown[]) => unknown).bind(client);
      invoke(Buffer.from(text), { deadline: Date.now() + 10_000 }, (error: Error | null, answer: Buffer) =>
        error ? reject(error) : resolve(answer.toString()),
      );
    });
  return { say: (text) => call('Say', text), wait: (text) => call('Wait', text), close: () => client.close() };
}

/** Asks every 10 ms until `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('the condition did not come true in time');
    await delay(10);
  }
}
