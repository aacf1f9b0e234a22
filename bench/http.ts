import { readFileSync } from 'node:fs';
import { Agent, request as ask } from 'node:https';
import type { Call, Connections } from './load.ts';

const MEDIA_TYPE = 'application/protobuf';

/** Kept-alive connections over HTTP/1.1, as Flower's clients have them: one call at a time on each. */
export function openHttp(options: { address: string; ca: string; count: number }): Connections {
  const [, port = ''] = options.address.split(':');
  const agent = new Agent({ keepAlive: true, maxSockets: options.count, ca: readFileSync(options.ca) });
  return {
    call: (call) => post({ agent, port }, call),
    close: () => agent.destroy(),
  };
}

function post({ agent, port }: { agent: Agent; port: string }, call: Call): Promise<Buffer> {
  const headers = { ...call.headers, 'content-type': MEDIA_TYPE, 'content-length': call.request.length };
  return new Promise((resolve, reject) => {
    const asked = ask({ host: 'localhost', port, path: call.path, method: 'POST', agent, headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.once('error', reject);
      response.once('end', () => {
        const answer = Buffer.concat(pieces);
        try {
          if (response.statusCode !== 200) throw new Error(`${call.path}: ${response.statusCode} ${answer}`);
          call.check(answer);
          resolve(answer);
        } catch (failure) {
          reject(failure);
        }
      });
    });
    asked.once('error', reject);
    asked.end(call.request);
  });
}
