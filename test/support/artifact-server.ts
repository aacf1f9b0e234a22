import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditRow } from '../../src/core/audit.ts';
import { AppError } from '../../src/core/errors.ts';
import type { Run } from '../../src/core/runs.ts';
import type { Caller } from '../../src/core/services.ts';
import { type ArtifactsOptions, createArtifacts } from '../../src/server/artifacts/index.ts';
import { createVault } from '../../src/server/identity/vault.ts';
import { createLogger } from '../../src/server/ops/logger.ts';
import { createCertificates } from '../../src/server/transport/certificates.ts';
import { createHttps } from '../../src/server/transport/https.ts';
import { createSlots } from '../../src/server/transport/limits.ts';
import { selfSigned, writePair } from './certificates.ts';
import { testLimits } from './echo-server.ts';
import { makeRun } from './store-rows.ts';

/** What the ports of the artifacts say; a test changes them. */
export interface Script {
  time: number;
  run: Run;
  /** Undefined: the session is over. */
  caller: Caller | undefined;
  mayPull: boolean;
  /** Thrown instead of an answer about a right. */
  away: AppError | undefined;
}

export interface ArtifactServer {
  readonly script: Script;
  /** `[artifacts] dir`. */
  readonly dir: string;
  /** The run's folder; not made yet. */
  readonly folder: string;
  readonly audit: readonly AuditRow[];
  /** Everything that was logged. */
  log(): string;
  /** The link as `runs.pull` answers it. */
  link(): Promise<string>;
  get(url: string, options?: { method?: string }): Promise<Got>;
  /** The answer as it begins; reads nothing of its body. */
  begin(url: string): Promise<IncomingMessage>;
  stop(): Promise<void>;
}

export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The artifacts of one finished run behind a real HTTPS port. */
export async function startArtifactServer(changes: Partial<ArtifactsOptions> = {}): Promise<ArtifactServer> {
  const place = mkdtempSync(join(tmpdir(), 'fedctl-artifacts-'));
  const dir = join(place, 'artifacts');
  const pair = await selfSigned();
  const lines: string[] = [];
  const log = createLogger({ level: 'debug', format: 'json' }, { write: (line) => void lines.push(line) });
  const certificates = await createCertificates({ ...(await writePair(place, pair)), log });
  const run = makeRun({ id: 6_205_364_319_212_345_678n, status: 'finished:completed' });
  const script: Script = { time: 1_700_000_000_000, run, caller: callerOf('alice'), mayPull: true, away: undefined };
  const audit: AuditRow[] = [];
  const { artifacts, routes } = createArtifacts({ ...partsOf(script, audit), dir, log, ...changes });
  const options = { certificates, host: '127.0.0.1', port: 0, routes, limits: testLimits(), log };
  const https = createHttps(options);
  const port = await https.listen();
  const begin = (url: string, method = 'GET') => ask({ port, path: new URL(url).pathname, method, ca: pair.cert });
  return {
    script,
    dir,
    folder: join(dir, String(run.id)),
    audit,
    log: () => lines.join('\n'),
    link: async () => (await artifacts.link(script.run, callerOf('alice'))).url,
    begin,
    async get(url, { method = 'GET' } = {}) {
      const response = await begin(url, method);
      const pieces: Buffer[] = [];
      for await (const piece of response) pieces.push(piece as Buffer);
      return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) };
    },
    async stop() {
      await https.close();
      certificates.close();
      rmSync(place, { recursive: true, force: true });
    },
  };
}

function partsOf(script: Script, audit: AuditRow[]): Omit<ArtifactsOptions, 'dir' | 'log'> {
  const vault = createVault(randomBytes(32));
  const record = async (row: AuditRow) => void audit.push(row);
  return {
    maxBytes: 4 * 1024 ** 3,
    linkLifetimeMs: 300_000,
    publicUrl: 'https://fedctl.example:9094/',
    seal: {
      seal: (text) => vault.seal(text, 'artifact-link', ''),
      open: (sealed) => vault.open(sealed, 'artifact-link', ''),
    },
    runs: { runByKey: async (key) => (key === script.run.key ? script.run : undefined) },
    sessions: {
      async assertAlive() {
        if (script.caller) return script.caller;
        throw new AppError('UNAUTHENTICATED', 'SESSION_ENDED', 'The session has ended.');
      },
    },
    async mayPull() {
      if (script.away) throw script.away;
      return script.mayPull;
    },
    audit: { record, recordGrouped: record },
    slots: createSlots({ perKey: 2, total: 3 }),
    clock: { now: () => script.time, monotonic: () => performance.now() },
  };
}

/** Somebody with a session of their own. */
export function callerOf(name: string): Caller {
  return {
    account: { id: `account-${name}`, handle: name },
    session: { id: `session-${name}` },
    subject: { principal: `user:example|${name}`, issuerAlias: 'example', groups: [] },
  } as unknown as Caller;
}

function ask(options: { port: number; path: string; method: string; ca: Buffer | string }): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', servername: 'localhost', agent: false, ...options });
    sent.once('error', reject).once('response', resolve).end();
  });
}
