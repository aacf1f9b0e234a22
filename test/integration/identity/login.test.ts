import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import { createProvider } from '../../../src/server/identity/provider.ts';
import { drop, type EvilIdp, evilMetadata, goodDevice, html, startEvilIdp } from '../../support/evil-idp.ts';
import { asked, type Bench, evilIssuer, logIn, openBench, peer, reasonOf } from './setup.ts';

let idp: EvilIdp;
let bench: Bench;
beforeEach(async () => {
  idp = await startEvilIdp();
  bench = await openBench(evilIssuer(idp));
});
afterEach(async () => {
  await bench.cleanup();
  await idp.stop();
});

const pending = { status: 400, json: { error: 'authorization_pending' } };
const slowDown = { status: 400, json: { error: 'slow_down' } };

/** Polls every second of the test clock; returns at which seconds the provider was asked. */
async function pollEverySecond(handle: string, seconds: number): Promise<number[]> {
  const at: number[] = [];
  for (let second = 1; second <= seconds; second += 1) {
    bench.clock.advance(1000);
    const before = idp.count('/token');
    await bench.login.poll(handle);
    if (idp.count('/token') > before) at.push(second);
  }
  return at;
}

describe('the device authorization request', () => {
  test('DG-01, DG-08: form POST with client authentication and scope; exact grant type; no secret in a URL', async () => {
    await logIn(bench);
    const [start] = idp.requests.filter((request) => request.path === '/device');
    expect(start?.method).toBe('POST');
    expect(start?.headers['content-type']).toContain('application/x-www-form-urlencoded');
    expect(start?.headers.authorization).toMatch(/^Basic /);
    expect(start?.form.get('scope')).toBe('openid profile offline_access');
    const [poll] = idp.requests.filter((request) => request.path === '/token');
    expect(poll?.form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:device_code');
    expect(poll?.form.get('device_code')).toBe('device-code-canary');
  });

  test('DG-10: the handle is opaque, single use, and tells nothing of the device code', async () => {
    const started = await bench.login.start(asked, peer);
    expect(started.handle).toMatch(/^fedlg_[A-Za-z0-9_-]{43}$/);
    expect(JSON.stringify(started)).not.toContain('device-code-canary');
    expect(started).toMatchObject({ userCode: 'ABCD-EFGH', interval: 5, expiresIn: 600, issuerAlias: 'test' });
    bench.clock.advance(5000);
    expect((await bench.login.poll(started.handle)).state).toBe('approved');
    expect(await reasonOf(bench.login.poll(started.handle))).toBe('LOGIN_EXPIRED');
    expect(await reasonOf(bench.login.poll(`fedlg_${'A'.repeat(43)}`))).toBe('LOGIN_EXPIRED');
    expect(await reasonOf(bench.login.poll("' OR 1=1 --"))).toBe('LOGIN_EXPIRED');
  });

  test.each([
    ['javascript:alert(1)'],
    ['file:///etc/passwd'],
    ['http://evil.example/verify'],
    ['https://x/\u001b[2J'],
    ['https://user:pw@x/'],
    ['https://x/`id`'],
    ['no uri'],
  ])('DG-11: a verification URI %j is refused', async (uri) => {
    idp.on('/device', () => ({ json: { ...goodDevice(idp.issuer), verification_uri: uri } }));
    expect(await reasonOf(bench.login.start(asked, peer))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    idp.on('/device', () => ({ json: { ...goodDevice(idp.issuer), verification_uri_complete: uri } }));
    expect(await reasonOf(bench.login.start(asked, peer))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
  });

  test('an unknown provider is told so', async () => {
    expect(await reasonOf(bench.login.start({ ...asked, provider: 'other' }, peer))).toBe('PROVIDER_UNKNOWN');
  });

  test('DG-13: starts per address and open flows are capped', async () => {
    const capped = await openBench(evilIssuer(idp), { limits: { pending: 4, startsPerMinute: 3 } });
    try {
      const start = (address: string) => reasonOf(capped.login.start(asked, { ...peer, address }));
      const first = [await start('a'), await start('a'), await start('a'), await start('a')];
      expect(first).toEqual(['no error', 'no error', 'no error', 'TOO_MANY_LOGINS']);
      capped.clock.advance(20_000);
      expect(await start('a')).toBe('no error');
      expect(await start('b')).toBe('TOO_MANY_LOGINS');
      expect(idp.count('/device')).toBe(4);
      // The /64 counts as one.
      capped.clock.advance(700_000);
      const v6 = [await start('2001:db8::1'), await start('2001:db8::2'), await start('2001:db8:0:0:9::3')];
      expect(v6).toEqual(['no error', 'no error', 'no error']);
      expect(await start('2001:db8::4')).toBe('TOO_MANY_LOGINS');
    } finally {
      await capped.cleanup();
    }
  });
});

test('DG-13: logins of one address leave room for others', async () => {
  const capped = await openBench(evilIssuer(idp), { limits: { pendingPerAddress: 2 } });
  try {
    const start = (address: string) => reasonOf(capped.login.start(asked, { ...peer, address }));
    const all = await Promise.all(['2001:db8::1', '2001:db8::2', '2001:db8:0:0:9::3', 'b'].map(start));
    expect(all.filter((reason) => reason === 'no error')).toHaveLength(3);
    expect([all[3], await start('2001:db8::4'), await start('b')]).toEqual(['no error', 'TOO_MANY_LOGINS', 'no error']);
    capped.clock.advance(700_000);
    expect(await start('2001:db8::4')).toBe('no error');
  } finally {
    await capped.cleanup();
  }
});

describe('polling', () => {
  test('DG-02, DG-09: without an interval 5 s; impatient polls ask nobody', async () => {
    idp.on('/token', () => pending);
    const { handle } = await bench.login.start(asked, peer);
    const polls = [];
    for (let poll = 0; poll < 50; poll += 1) polls.push(await bench.login.poll(handle));
    expect(new Set(polls.map((poll) => JSON.stringify(poll)))).toEqual(new Set(['{"state":"pending","interval":5}']));
    expect(idp.count('/token')).toBe(0);
    expect(await pollEverySecond(handle, 11)).toEqual([5, 10]);
  });

  test('DG-03: slow_down adds 5 s each time, for all later polls', async () => {
    idp.on('/token', (_request, count) => (count <= 2 ? slowDown : pending));
    const { handle } = await bench.login.start(asked, peer);
    expect(await pollEverySecond(handle, 46)).toEqual([5, 15, 30, 45]);
  });

  test('DG-04: dropped connections double the interval and do not end the flow', async () => {
    idp.on('/token', (_request, count) => (count <= 3 ? drop : idp.tokens()));
    const { handle } = await bench.login.start(asked, peer);
    expect(await pollEverySecond(handle, 36)).toEqual([5, 15, 35]);
    bench.clock.advance(40_000);
    expect((await bench.login.poll(handle)).state).toBe('approved');
  });

  test('DG-07: after the end of the flow nobody is asked', async () => {
    idp.on('/token', () => pending);
    const { handle } = await bench.login.start(asked, peer);
    bench.clock.advance(600_000);
    expect(await reasonOf(bench.login.poll(handle))).toBe('LOGIN_EXPIRED');
    expect(await reasonOf(bench.login.poll(handle))).toBe('LOGIN_EXPIRED');
    expect(idp.count('/token')).toBe(0);
  });

  test.each([
    ['access_denied', { status: 400, json: { error: 'access_denied' } }, 'LOGIN_DENIED'],
    ['expired_token', { status: 400, json: { error: 'expired_token' } }, 'LOGIN_EXPIRED'],
    ['invalid_grant', { status: 400, json: { error: 'invalid_grant' } }, 'LOGIN_EXPIRED'],
    ['invalid_client', { status: 401, json: { error: 'invalid_client' } }, 'IDENTITY_PROVIDER_REFUSED'],
    ['an unknown error', { status: 400, json: { error: '__proto__' } }, 'IDENTITY_PROVIDER_UNAVAILABLE'],
    ['an HTML 500', html(500), 'IDENTITY_PROVIDER_UNAVAILABLE'],
  ])('DG-06: %s ends the flow', async (_name, answer, reason) => {
    idp.on('/token', () => answer);
    const { handle } = await bench.login.start(asked, peer);
    bench.clock.advance(5000);
    expect(await reasonOf(bench.login.poll(handle))).toBe(reason);
    bench.clock.advance(60_000);
    expect(await reasonOf(bench.login.poll(handle))).toBe('LOGIN_EXPIRED');
    expect(idp.count('/token')).toBe(1);
  });

  test('two servers on one database redeem a device code once', async () => {
    const other = await bench.replica();
    try {
      const { handle } = await bench.login.start(asked, peer);
      bench.clock.advance(5000);
      const polls = Array.from({ length: 20 }, (_, i) => (i % 2 ? other : bench).login.poll(handle));
      const states = (await Promise.allSettled(polls)).map((poll) =>
        poll.status === 'fulfilled' ? poll.value.state : poll.reason.reason,
      );
      expect(states.filter((state) => state === 'approved')).toHaveLength(1);
      expect(states.filter((state) => !['approved', 'pending', 'LOGIN_EXPIRED'].includes(state))).toEqual([]);
      expect(idp.count('/token')).toBe(1);
    } finally {
      await other.cleanup();
    }
  });

  test('a poll that hangs at the provider keeps others from redeeming beside it', async () => {
    let release = () => {};
    const hanging = new Promise<void>((resolve) => {
      release = resolve;
    });
    idp.on('/token', async () => {
      await hanging;
      return idp.tokens();
    });
    const { handle } = await bench.login.start(asked, peer);
    bench.clock.advance(5000);
    const first = bench.login.poll(handle);
    bench.clock.advance(20_000);
    expect((await bench.login.poll(handle)).state).toBe('pending');
    release();
    expect((await first).state).toBe('approved');
    expect(idp.count('/token')).toBe(1);
  });
});

describe('answers that must not become a login', () => {
  let stranger: EvilIdp;
  beforeAll(async () => {
    stranger = await startEvilIdp();
  });
  afterAll(() => stranger.stop());

  const soon = Math.floor(Date.now() / 1000);
  const bad: [string, () => Record<string, unknown>][] = [
    ['ID-01: a wrong iss', () => ({ id_token: idp.idToken({ iss: 'https://evil.example' }) })],
    ['ID-01: iss with a slash', () => ({ id_token: idp.idToken({ iss: `${idp.issuer}/` }) })],
    ['ID-01: a wrong aud', () => ({ id_token: idp.idToken({ aud: 'other' }) })],
    ['ID-02: several aud without azp', () => ({ id_token: idp.idToken({ aud: ['fedctl-test', 'other'] }) })],
    ['ID-02: azp of another', () => ({ id_token: idp.idToken({ aud: ['fedctl-test', 'o'], azp: 'o' }) })],
    ['ID-03: a signature of another key', () => ({ id_token: stranger.idToken({ iss: idp.issuer }) })],
    ['ID-03: alg none', () => ({ id_token: idp.idToken({}, { alg: 'none' }) })],
    ['ID-03: alg HS256', () => ({ id_token: idp.idToken({}, { alg: 'HS256' }) })],
    ['ID-03: an unknown kid', () => ({ id_token: idp.idToken({}, { kid: 'k2' }) })],
    ['ID-03: crit', () => ({ id_token: idp.idToken({}, { crit: ['x'], x: 1 }) })],
    ['ID-04: an expired ID token', () => ({ id_token: idp.idToken({ exp: soon - 300 }) })],
    ['ID-04: no iat', () => ({ id_token: idp.idToken({ iat: undefined }) })],
    ['AT-09: no sub', () => ({ id_token: idp.idToken({ sub: undefined }) })],
    ['AT-09: sub with a control character', () => ({ id_token: idp.idToken({ sub: 'a\nb' }) })],
    ['AT-09: sub of 256', () => ({ id_token: idp.idToken({ sub: 'x'.repeat(256) }) })],
    ['DG-14: no ID token', () => ({ id_token: undefined })],
    ['DG-14: no access token', () => ({ access_token: undefined })],
    ['DG-14: a number as access token', () => ({ access_token: 1 })],
    ['DG-14: an object as refresh token', () => ({ refresh_token: {} })],
    ['DG-14: an array as ID token', () => ({ id_token: [] })],
    ['DG-14: over 1 MB', () => ({ padding: 'x'.repeat(1_100_000) })],
  ];
  test.each(bad)('%s', async (_name, change) => {
    idp.on('/token', () => idp.tokens(change()));
    expect(await reasonOf(logIn(bench))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    expect(bench.events).toEqual([]);
  });

  test('F-05: HTML, 200 with an error, no JSON', async () => {
    const answers = [
      html(200),
      { json: { error: 'access_denied' } },
      { json: [] },
      { raw: (response: import('node:http').ServerResponse) => response.end('{"access_token":') },
    ];
    for (const answer of answers) {
      idp.on('/token', () => answer);
      expect(await reasonOf(logIn(bench))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    }
  });

  test('F-05: a gzip bomb is cut at what it unpacks to', async () => {
    const bomb = gzipSync(Buffer.alloc(30_000_000, 32));
    idp.on('/token', () => ({
      raw: (response) =>
        response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb),
    }));
    const before = process.memoryUsage().arrayBuffers;
    expect(await reasonOf(logIn(bench))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
  });

  test('F-04: an answer that drips ends at 5 s and leaves the flow open', async () => {
    idp.on('/token', () => ({
      raw: (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const drip = setInterval(() => response.write(' '), 100);
        response.once('close', () => clearInterval(drip));
      },
    }));
    const { handle } = await bench.login.start(asked, peer);
    bench.clock.advance(5000);
    const began = performance.now();
    expect(await bench.login.poll(handle)).toEqual({ state: 'slow_down', interval: 10 });
    expect(performance.now() - began).toBeLessThan(8000);
  });

  test('no secret in what a failure tells', async () => {
    idp.on('/token', () => idp.tokens({ id_token: idp.idToken({ iss: 'x' }), refresh_token: 'refresh-canary' }));
    const error = await logIn(bench).catch((caught: Error) => caught);
    const seen: string[] = [];
    for (let one = error as Error | undefined; one; one = one.cause as Error | undefined)
      seen.push(JSON.stringify(one), one.message, String(one.stack), JSON.stringify(Object.entries(one)));
    expect(seen.join('\n')).not.toMatch(/canary|eyJ/);
  });
});

test('a login that can not be audited opens no session', async () => {
  let opened = '';
  const strict = await bench.replica({
    onEvent: ({ sessionId }) => {
      opened = sessionId;
      throw new AppError('UNAVAILABLE', 'AUDIT_UNAVAILABLE', 'no audit');
    },
  });
  try {
    expect(await reasonOf(logIn(strict))).toBe('AUDIT_UNAVAILABLE');
    expect((await bench.store.sessionById(opened))?.revokedAt).toBeDefined();
  } finally {
    await strict.cleanup();
  }
});

describe('metadata', () => {
  test('MD-01: another issuer than the configured one', async () => {
    idp.on('/discovery', () => ({ json: { ...evilMetadata(idp.issuer), issuer: 'https://evil.example' } }));
    expect(await reasonOf(bench.probe())).toBe('IDENTITY_PROVIDER_MISCONFIGURED');
    idp.on('/discovery', () => ({ json: { ...evilMetadata(idp.issuer), issuer: `${idp.issuer}/` } }));
    expect(await reasonOf(bench.probe())).toBe('IDENTITY_PROVIDER_MISCONFIGURED');
  });

  test('MD-02: no redirect is followed, nothing over 256 KB read, no endpoint over http elsewhere asked', async () => {
    idp.on('/discovery', () => ({
      raw: (response) => response.writeHead(302, { location: `${idp.issuer}/other` }).end(),
    }));
    expect(await reasonOf(bench.probe())).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    expect(idp.count('/other')).toBe(0);
    idp.on('/discovery', () => ({ json: { ...evilMetadata(idp.issuer), padding: 'x'.repeat(300_000) } }));
    expect(await reasonOf(bench.probe())).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    const elsewhere = 'http://192.0.2.1/device';
    idp.on('/discovery', () => ({ json: { ...evilMetadata(idp.issuer), device_authorization_endpoint: elsewhere } }));
    bench.clock.advance(10_000);
    expect(await reasonOf(bench.login.start(asked, peer))).toBe('IDENTITY_PROVIDER_MISCONFIGURED');
  });

  test('F-01: a provider that is down stops nothing; it is asked again after a short while', async () => {
    idp.on('/discovery', () => html(503));
    await bench.service.start();
    expect(await reasonOf(bench.login.start(asked, peer))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    expect(await reasonOf(bench.login.start(asked, peer))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    expect(idp.count('/discovery')).toBe(1);
    idp.on('/discovery', () => ({ json: evilMetadata(idp.issuer) }));
    bench.clock.advance(1000);
    expect((await bench.login.start(asked, peer)).userCode).toBe('ABCD-EFGH');
  });

  test('a plain http issuer is refused unless it is allowed and on this machine', async () => {
    const open = async (change: object) =>
      createProvider({ alias: 'x', clientId: 'x', issuer: idp.issuer, ...change }, bench.clock);
    expect(await reasonOf(open({}))).toBe('IDENTITY_PROVIDER_MISCONFIGURED');
    const elsewhere = { allowInsecure: true, issuer: 'http://idp.example' };
    expect(await reasonOf(open(elsewhere))).toBe('IDENTITY_PROVIDER_MISCONFIGURED');
  });
});
