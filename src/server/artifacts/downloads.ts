import { randomBytes } from 'node:crypto';
import type { Subject } from '../../core/access.ts';
import { plainAddress } from '../../core/addresses.ts';
import type { AuditLog, AuditRow } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { objectId } from '../../core/principals.ts';
import type { Run, RunStore } from '../../core/runs.ts';
import type { Caller, Sessions } from '../../core/services.ts';
import { type HttpReply, type HttpRequest, jsonReply, type Route } from '../transport/https.ts';
import type { Slots } from '../transport/limits.ts';
import { zipOf } from './archive.ts';
import type { RunFiles } from './folder.ts';
import type { Link, Links } from './links.ts';
import { watchRight } from './watch.ts';

export interface DownloadOptions {
  readonly links: Links;
  /** @throws AppError where there is nothing to be had */
  readonly filesOf: (run: Run) => Promise<RunFiles>;
  readonly runs: Pick<RunStore, 'runByKey'>;
  readonly sessions: Pick<Sessions, 'assertAlive'>;
  readonly mayPull: (subject: Subject, run: Run, options: { fresh: boolean }) => Promise<boolean>;
  readonly audit: AuditLog;
  /** Downloads at a time, by account. */
  readonly slots: Slots;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * What a link leads to. The link names a run, a session and an account; all that they may is asked afresh. Whatever is
 * wrong, the answer is that of a path that does not exist; the audit trail says why.
 */
export function createDownloads(options: DownloadOptions): { serve(path: string): Route['handle'] } {
  const { links, audit, clock, log } = options;

  async function download(link: Link, expired: boolean, request: HttpRequest): Promise<HttpReply> {
    let row = newRow(link, request, clock.now());
    try {
      const run = await options.runs.runByKey(link.runKey);
      if (run) row = { ...row, object: objectOf(run) };
      if (expired || !run) throw refused(expired ? 'ARTIFACT_LINK_EXPIRED' : 'RUN_NOT_FOUND');
      const caller = await options.sessions.assertAlive(link.sessionId);
      row = { ...row, principal: caller.subject.principal };
      if (caller.account.id !== link.accountId) throw refused('SESSION_ENDED');
      if (!(await options.mayPull(caller.subject, run, { fresh: true }))) throw refused('NOT_PERMITTED');
      const files = await options.filesOf(run);
      return await send({ ...files, run, caller }, row);
    } catch (error) {
      return refuse(row, error);
    }
  }

  async function send({ run, caller, folder, files }: RunFiles & { run: Run; caller: Caller }, row: AuditRow) {
    const leave = options.slots.take(caller.account.id);
    if (typeof leave !== 'function') throw refused('TOO_MANY_DOWNLOADS');
    try {
      await audit.record(row);
      const name = String(run.id);
      const { size, content } = await zipOf(folder, name, files);
      const unwatch = watchRight(options, { sessionId: caller.session.id, run, end: (why) => content.destroy(why) });
      content.once('close', () => {
        unwatch();
        leave();
      });
      return { status: 200, headers: headersOf(name, size), body: content };
    } catch (error) {
      leave();
      throw error;
    }
  }

  async function refuse(row: AuditRow, error: unknown): Promise<HttpReply> {
    const reason = isAppError(error) ? error.reason : 'INTERNAL';
    const { requestId } = row;
    if (!isAppError(error)) log.error({ requestId, err: error }, 'a download failed in a way nobody foresaw');
    else if (error.cause !== undefined) log.warn({ requestId, reason, cause: error.cause }, error.message);
    await audit.recordGrouped({ ...row, decision: decisionOn(error), reason }).catch((cause: unknown) => {
      log.error({ requestId, cause }, 'a refused download could not be recorded');
    });
    if (reason === 'TOO_MANY_DOWNLOADS')
      return jsonReply(429, { error: 'too_many_downloads' }, { 'retry-after': '30' });
    // Only whoever has a good link gets here, and it may be good again in a moment.
    if (isAppError(error) && error.code === 'UNAVAILABLE') {
      return jsonReply(503, { error: 'unavailable' }, { 'retry-after': '5' });
    }
    return NOT_FOUND;
  }

  return {
    serve: (path) => async (request) => {
      const read = links.read(request.path.slice(path.length));
      // Of no account and no run: there is nobody to record.
      return read ? download(read.link, read.expired, request) : NOT_FOUND;
    },
  };
}

/** As for any other path that is none. */
const NOT_FOUND = jsonReply(404, { error: 'not_found' });

function refused(reason: string): AppError {
  return new AppError('PERMISSION_DENIED', reason, 'This link gives nothing.');
}

function decisionOn(error: unknown): AuditRow['decision'] {
  const denials = ['PERMISSION_DENIED', 'UNAUTHENTICATED', 'NOT_FOUND'];
  return isAppError(error) && denials.includes(error.code) ? 'deny' : 'error';
}

function objectOf(run: Run): string {
  return objectId({ type: 'run', id: run.id ?? 0n, owner: run.owner, federation: run.federation });
}

function headersOf(name: string, size: number): Record<string, string> {
  return {
    'content-type': 'application/zip',
    'content-length': String(size),
    'content-disposition': `attachment; filename="run-${name}.zip"`,
  };
}

function newRow({ accountId, sessionId }: Link, request: HttpRequest, now: number): AuditRow {
  return {
    requestId: randomBytes(12).toString('hex'),
    at: now,
    action: 'artifacts.download',
    principal: '',
    accountId,
    sessionId,
    address: plainAddress(request.remoteAddress),
    userAgent: (request.headers['user-agent'] ?? '').slice(0, 200),
    object: '',
    right: 'can_pull',
    decision: 'allow',
    reason: '',
    bundle: '',
  };
}
