import { request } from 'node:http';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openLoopback } from '../../../src/client/grants/loopback.ts';
import { type LoginLab, openLoginLab } from '../../support/login-lab.ts';
import { until } from '../../support/until.ts';

let lab: LoginLab;

beforeEach(async () => {
  lab = await openLoginLab();
});

afterEach(() => lab.close());

interface Answer {
  readonly status: number | undefined;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

/** A browser's request, with any Host header. */
function browse(url: string, { method = 'GET', host }: { method?: string; host?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, agent: false, headers: host === undefined ? {} : { host } }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** A login by the code grant that waits for the browser. */
async function startCode(port = 0) {
  const context = lab.context();
  const result = lab.logIn({ grant: 'code', settings: { redirectPort: port } }, context);
  // Looked at where the test says so.
  result.catch(() => {});
  await until(() => context.written.err.includes('fedctl-login:') || lab.fake.state.starts.length > 0);
  await until(() => context.written.err.includes('fedctl-login:'));
  return { context, result, redirect: lab.fake.state.starts[0]?.redirectUri ?? '' };
}

describe('code', () => {
  test('NA-02: the answer of the browser goes to the server, which redeems it; one answer, then nobody listens', async () => {
    const { context, result, redirect } = await startCode();
    expect(redirect).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/oauth\/callback$/);
    expect(context.written.err).toContain('https://idp.example/authorize?client_id=fedctl&state=st-1');
    const answer = await browse(`${redirect}?code=c%2B1&state=st-1&iss=https%3A%2F%2Fidp.example`);
    expect(answer.status).toBe(200);
    expect(answer.body).toContain('You may close this window');
    expect(answer.body).not.toContain('<script');
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'referrer-policy': 'no-referrer',
    });
    expect(await result).toMatchObject({ account: 'alice' });
    expect(lab.fake.state.finishes).toEqual([
      { handle: 'h1', code: 'c+1', state: 'st-1', iss: 'https://idp.example', error: '', errorDescription: '' },
    ]);
    await expect(browse(redirect)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('a stranger at the listener ends no login: other hosts, ways, paths, states, twofold parameters', async () => {
    const { result, redirect } = await startCode();
    const { port } = new URL(redirect);
    const strange: [string, number, Parameters<typeof browse>[1]?][] = [
      [`${redirect}?code=x&state=st-1`, 421, { host: `evil.example:${port}` }],
      [`${redirect}?code=x&state=st-1`, 421, { host: `localhost:${port}` }],
      [`${redirect}?code=x&state=st-1`, 405, { method: 'POST' }],
      [`http://127.0.0.1:${port}/favicon.ico`, 404],
      [`${redirect}?code=x&state=other`, 400],
      [`${redirect}?code=x`, 400],
      [`${redirect}?state=st-1`, 400],
      [`${redirect}?code=x&code=y&state=st-1`, 400],
    ];
    for (const [url, status, options] of strange) expect((await browse(url, options)).status).toBe(status);
    expect(lab.fake.state.finishes).toEqual([]);
    expect((await browse(`${redirect}?code=good&state=st-1`)).status).toBe(200);
    await result;
    expect(lab.fake.state.finishes).toHaveLength(1);
  });

  test("the provider's no is the server's to judge", async () => {
    const { result, redirect } = await startCode();
    lab.fake.state.failNext = [{ code: 7, reason: 'LOGIN_DENIED', message: 'The login was denied.' }];
    const answer = await browse(`${redirect}?error=access_denied&error_description=%3Cscript%3E&state=st-1`);
    expect(answer.body).toContain('Not logged in');
    expect(answer.body).not.toContain('<script');
    await expect(result).rejects.toMatchObject({ reason: 'LOGIN_DENIED' });
    expect(lab.fake.state.finishes[0]).toMatchObject({ error: 'access_denied', code: '' });
  });

  test('nobody comes: the login ends in time, and the port is free again', async () => {
    const context = lab.context();
    const login = lab.logIn({ grant: 'code', settings: { redirectPort: 0 }, timeout: 1 }, context);
    await expect(login).rejects.toMatchObject({ reason: 'LOGIN_EXPIRED' });
    const { redirectUri } = lab.fake.state.starts[0] ?? { redirectUri: '' };
    await expect(browse(redirectUri)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('a port that is taken is said before anything is sent', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const login = lab.logIn({ grant: 'code', settings: { redirectPort: port } });
    await expect(login).rejects.toMatchObject({
      reason: 'REDIRECT_PORT_TAKEN',
      hint: expect.stringContaining('--redirect-port 0'),
    });
    expect(lab.fake.state.starts).toEqual([]);
    taken.close();
  });

  test.each(['javascript:alert(1)', 'http://evil.example/', 'https://u:p@idp.example/'])(
    'DG-11: a page at %j is refused, and nothing is shown',
    async (page) => {
      lab.fake.state.authorizationUrl = page;
      const context = lab.context();
      const login = lab.logIn({ grant: 'code', settings: { redirectPort: 0 } }, context);
      await expect(login).rejects.toMatchObject({ reason: 'LOGIN_ADDRESS_REFUSED' });
      expect(context.written.err).toBe('');
    },
  );
});

describe('NA-02: the listener', () => {
  test('is on loopback only; "localhost" has both of its addresses', async () => {
    for (const [host, addresses] of [
      ['127.0.0.1', ['127.0.0.1']],
      ['localhost', ['127.0.0.1', '[::1]']],
    ] as const) {
      const loopback = await openLoopback({ host, port: 0 });
      const { port, hostname } = new URL(loopback.redirectUri);
      expect(hostname).toBe(host);
      const answer = loopback.answer('s');
      for (const address of addresses) {
        const { status } = await browse(`http://${address}:${port}/oauth/callback`, { host: `${host}:${port}` });
        expect(status).toBe(400);
      }
      // Every address of this machine but loopback is deaf.
      const { networkInterfaces } = await import('node:os');
      const others = Object.values(networkInterfaces())
        .flat()
        .filter((one) => one?.family === 'IPv4' && !one.internal);
      for (const other of others) await expect(browse(`http://${other?.address}:${port}/`)).rejects.toThrow();
      await browse(`http://127.0.0.1:${port}/oauth/callback?code=c&state=s`, { host: `${host}:${port}` });
      expect(await answer).toMatchObject({ code: 'c' });
    }
  });
});
