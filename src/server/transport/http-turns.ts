import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests that may wait on one connection; flwr and fedctl send none before they have the answer to the last. */
const MAX_WAITING = 4;

/** Calls `start` when it is the request's turn; never, where its connection has ended before. */
export type Turns = (request: IncomingMessage, response: ServerResponse, start: () => void) => void;

/**
 * One request of a connection after the other (RFC 9112, 9.3.2). Node hands over all that a client has sent at once, which
 * would make one connection as good as thousands, and tells nobody that a client is gone whose answer is not next.
 * Who sends many ahead is cut.
 */
export function createTurns(): Turns {
  const lines = new WeakMap<Socket, (() => void)[]>();

  return ({ socket }, response, start) => {
    const begin = () => {
      response.once('close', () => next(socket));
      start();
    };
    const waiting = lines.get(socket);
    if (waiting === undefined) {
      lines.set(socket, []);
      begin();
    } else if (waiting.length < MAX_WAITING) waiting.push(begin);
    else socket.destroy();
  };

  function next(socket: Socket): void {
    const begin = socket.writable ? lines.get(socket)?.shift() : undefined;
    if (begin) begin();
    else lines.delete(socket);
  }
}
