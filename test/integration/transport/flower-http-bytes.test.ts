import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { flowerHttp } from '../../../src/server/rpc/wire/flower-http.ts';
import { answerHeaders, type Exchange } from '../../support/flower-http/exchanges.ts';
import { type HttpStage, openHttpStage } from '../../support/flower-http/stage.ts';
import { callHttp } from '../../support/http-wire.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/flower-http');
const releases = readdirSync(FIXTURES).map((file) => ({
  release: file.replace(/\.json$/, ''),
  exchanges: JSON.parse(readFileSync(join(FIXTURES, file), 'utf8')) as Exchange[],
}));

/** What the real clients sent (test/support/flower-http/record.ts), sent again: it means the same and is answered with the same bytes. */
describe.each(releases)('flwr $release', ({ release, exchanges }) => {
  let stage: HttpStage;

  beforeAll(async () => {
    stage = await openHttpStage();
  });
  afterAll(() => stage.stop());

  const cases = exchanges.map((exchange, index) => ({
    name: `${index + 1}. ${exchange.path} ${exchange.answer.status}`,
    ...exchange,
  }));

  test.each(cases)('$name', async ({ path, headers, body, method, input, answer }) => {
    const {
      status,
      headers: received,
      body: bytes,
      whole,
    } = await callHttp({
      port: stage.port,
      path,
      headers,
      body: Buffer.from(body, 'hex'),
    });
    expect(stage.take()).toEqual(method && { method, input });
    const said = { status, headers: answerHeaders(received), body: bytes.toString('hex') };
    expect({ ...said, whole }).toEqual({ ...answer, whole: true });
  });

  test('it sends what the facts say', () => {
    for (const { path, headers } of exchanges) {
      const isStream = path.endsWith('/stream-logs');
      const isFree = /\/get-(login-details|auth-tokens)$/.test(path);
      expect({ path, ...headers }).toMatchObject({
        'content-type': 'application/protobuf',
        accept: isStream ? 'application/flower-protobuf-stream' : 'application/protobuf',
        'flwr-package-version': release,
        'x-flwr-client': 'cli',
        ...(isStream ? { 'accept-encoding': 'identity' } : {}),
      });
      expect({ path, authorized: /^Bearer \S+$/.test(headers.authorization ?? '') }).toEqual({
        path,
        authorized: !isFree,
      });
    }
  });

  test('every route that this release has a command for has been recorded', () => {
    const recorded = new Set(exchanges.map(({ path }) => path));
    expect(flowerHttp.bindings.map(({ path }) => path).filter((path) => !recorded.has(path))).toEqual([]);
  });

  test('after a 401 it renews once and repeats its call once', () => {
    const at = exchanges.findIndex(({ path }) => path.endsWith('/refresh-auth-tokens'));
    const [first, renewal, again, ...rest] = exchanges.slice(at - 1);
    expect(first?.answer).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
    expect(renewal?.answer.status).toBe(200);
    expect([again?.path, again?.body, again?.answer.status]).toEqual([first?.path, first?.body, 401]);
    expect(again?.headers.authorization).not.toBe(first?.headers.authorization);
    expect(rest).toEqual([]);
  });
});
