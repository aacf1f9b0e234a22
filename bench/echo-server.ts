/** A bare grpc-js server with TLS in a process of its own: answers every call with the same bytes. */
import { readFileSync } from 'node:fs';
import { Server, ServerCredentials, type sendUnaryData } from '@grpc/grpc-js';
import { ECHO_PATH } from './echo.ts';

const [certFile = '', keyFile = '', answerFile = ''] = process.argv.slice(2);
const answer = readFileSync(answerFile);
const bytes = (value: Buffer): Buffer => value;
const server = new Server();
const handle = (_call: unknown, done: sendUnaryData<Buffer>) => done(null, answer);
server.register(ECHO_PATH, handle, bytes, bytes, 'unary');
const tls = ServerCredentials.createSsl(null, [
  { cert_chain: readFileSync(certFile), private_key: readFileSync(keyFile) },
]);
server.bindAsync('127.0.0.1:0', tls, (error, port) => {
  if (error) throw error;
  process.send?.(port);
});
process.on('disconnect', () => process.exit());
