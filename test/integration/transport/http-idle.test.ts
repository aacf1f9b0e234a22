import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/core/log.ts';
import { createHttps, type Route } from '../../../src/server/transport/https.ts';
import { testLimits } from '../../support/echo-server.ts';
import { until } from '../../support/until.ts';

test.each([0, 1])('T-28: an answer that is not read is cut, also after %i others on its connection', async (before) => {
  const body = new Readable({
    read() {
      this.push(Buffer.alloc(64 * 1024));
    },
  });
  const routes: Route[] = [
    { method: 'GET', path: '/small', handle: () => ({ status: 200, body: 'small' }) },
    { method: 'GET', path: '/large', handle: () => ({ status: 200, body }) },
  ];
  const https = createHttps({
    certificates: undefined,
    host: '127.0.0.1',
    port: 0,
    routes,
    limits: testLimits(),
    log: silentLogger,
    idleMs: 300,
  });
  const socket = connect(await https.listen(), '127.0.0.1');
  socket.on('error', () => {});
  try {
    for (let index = 0; index < before; index += 1) {
      socket.write('GET /small HTTP/1.1\r\nhost: x\r\n\r\n');
      const [answer] = await once(socket, 'data');
      expect(String(answer)).toContain('200 OK');
    }
    socket.pause();
    socket.write('GET /large HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(() => body.destroyed);
  } finally {
    socket.destroy();
    await https.close();
  }
});
