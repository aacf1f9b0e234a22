import { readFileSync } from 'node:fs';
import { Client, credentials, Metadata } from '@grpc/grpc-js';

/** One unary call: bytes in, bytes out, so that the driver spends the same on every server. */
export interface Call {
  readonly path: string;
  readonly request: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** Throws where an answer is not the expected one. */
  readonly check: (answer: Buffer) => void;
}

/** A few connections to one server. */
export interface Connections {
  call(call: Call): Promise<Buffer>;
  close(): void;
}

export interface Load {
  readonly perSecond: number;
  /** Median time of a call, ms. */
  readonly latencyMs: number;
  readonly calls: number;
}

const bytes = (value: Buffer): Buffer => value;

/** `ca` undefined: no TLS. */
export function openConnections(options: { address: string; ca?: string | undefined; count: number }): Connections {
  const { address, ca, count } = options;
  const security = () => (ca === undefined ? credentials.createInsecure() : credentials.createSsl(readFileSync(ca)));
  const clients = Array.from({ length: count }, () => {
    const target = address.replace(/^127\.0\.0\.1:/, 'localhost:');
    return new Client(target, security(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
    });
  });
  let turn = 0;
  return {
    call({ path, request, headers, check }) {
      turn = (turn + 1) % clients.length;
      const client = clients[turn] as Client;
      const metadata = new Metadata();
      for (const name in headers) metadata.set(name, headers[name] ?? '');
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, bytes, bytes, request, metadata, (error, answer) => {
          if (error || answer === undefined) return reject(error);
          try {
            check(answer);
            resolve(answer);
          } catch (failure) {
            reject(failure);
          }
        });
      });
    },
    close: () => {
      for (const client of clients) client.close();
    },
  };
}

/** Calls for `ms`, `parallel` at a time: each next one begins when one has been answered. */
export async function drive(
  connections: Connections,
  call: Call,
  { parallel, ms }: { parallel: number; ms: number },
): Promise<Load> {
  const begun = performance.now();
  const times: number[] = [];
  const worker = async (): Promise<void> => {
    for (let now = begun; now - begun < ms; ) {
      await connections.call(call);
      const done = performance.now();
      times.push(done - now);
      now = done;
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  const elapsed = performance.now() - begun;
  times.sort((a, b) => a - b);
  return {
    perSecond: (times.length / elapsed) * 1000,
    latencyMs: times[times.length >> 1] ?? Number.NaN,
    calls: times.length,
  };
}
