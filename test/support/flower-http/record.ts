// Records what real releases of flwr send over HTTP and are answered: node test/support/flower-http/record.ts 1.37.0 1.41.0
// Writes test/fixtures/flower-http/RELEASE.json and prints what each command printed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { selfSigned } from '../certificates.ts';
import { openFlwrClient } from '../flower-wire/clients.ts';
import { answerHeaders, type Exchange, requestHeaders } from './exchanges.ts';
import { openHttpStage } from './stage.ts';

const FIXTURES = resolve(import.meta.dirname, '../../fixtures/flower-http');
/** Commands about what is refused: the ids say how (flower-wire/stage.ts). */
const REFUSED = [
  ['ls', '--run-id', '404'],
  ['log', '404'],
  ['stop', '403'],
  ['stop', '412'],
  ['stop', '503'],
  ['pull', '413'],
  ['pull', '501'],
  ['log', '429'],
  // Renews its token, once.
  ['stop', '401'],
];

const folder = mkdtempSync(join(tmpdir(), 'fedctl-record-'));
const pair = await selfSigned();
const ca = join(folder, 'ca.pem');
const key = join(folder, 'key');
writeFileSync(ca, pair.cert);
execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-b', '384', '-N', '', '-C', '', '-f', key]);
const stage = await openHttpStage();
let exchanges: Exchange[] = [];
const proxy = createServer(pair, async (request, response) => {
  const body = await read(request);
  const { url: path = '', headers } = request;
  const answer = await forward(path, headers, body);
  const { statusCode: status = 0 } = answer;
  response.writeHead(status, answer.headers);
  const bytes = await read(answer);
  response.end(bytes);
  const said = { status, headers: answerHeaders(answer.headers), body: bytes.toString('hex') };
  exchanges.push({ path, headers: requestHeaders(headers), body: body.toString('hex'), ...stage.take(), answer: said });
});
await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
mkdirSync(FIXTURES, { recursive: true });
try {
  for (const release of process.argv.slice(2)) await record(release, (proxy.address() as AddressInfo).port);
} finally {
  proxy.close();
  proxy.closeAllConnections();
  await stage.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function record(release: string, port: number): Promise<void> {
  const client = openFlwrClient({ release, folder: join(folder, release), port, ca, publicKey: `${key}.pub` });
  const all: Exchange[] = [];
  for (const args of [...client.commands, ...REFUSED]) {
    const { code, stdout, stderr } = await client.run(args);
    const paths = exchanges.map(({ path }) => path).join(' ');
    process.stdout.write(`\n$ flwr ${args.join(' ')}   # ${release}, exit code ${code}, ${paths}\n`);
    process.stdout.write(`${(stdout + stderr).trim()}\n`);
    all.push(...exchanges);
    exchanges = [];
  }
  writeFileSync(join(FIXTURES, `${release}.json`), `${JSON.stringify(all, undefined, 1)}\n`);
}

function forward(path: string, headers: IncomingMessage['headers'], body: Buffer): Promise<IncomingMessage> {
  return new Promise((done, failed) => {
    const sent = requestHttp({ host: '127.0.0.1', port: stage.port, path, method: 'POST', headers }, done);
    sent.once('error', failed).end(body);
  });
}

async function read(source: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of source) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
