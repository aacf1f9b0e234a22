import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** One port before several servers, which take turns; bytes pass as they are. */
export interface Balancer {
  readonly address: string;
  /** Where new connections go from now on. */
  send(to: readonly string[]): void;
  /** Connections so far to each of them. */
  connections(): readonly number[];
  close(): Promise<void>;
}

export async function startBalancer(): Promise<Balancer> {
  let backends: { readonly port: number; count: number }[] = [];
  let turn = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const backend = backends[turn++ % backends.length];
    if (backend === undefined) return void client.destroy();
    backend.count += 1;
    const upstream = connect(backend.port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.setNoDelay().once('close', () => open.delete(socket));
    }
    client.pipe(upstream).pipe(client);
    client.on('error', () => upstream.destroy()).once('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy()).once('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    send: (to) => {
      backends = to.map((address) => ({ port: Number(address.split(':').at(-1)), count: 0 }));
    },
    connections: () => backends.map(({ count }) => count),
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
