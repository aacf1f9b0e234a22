import type { EngineRun } from '../core/engine.ts';
import { plainText } from '../core/text.ts';
import type { Run } from '../gen/flwr/proto/run.ts';
import { fromWireTime } from './values.ts';

/** Flower's two status strings to our one (flower/facts section 6, "Run status strings"). */
const STATUSES: Readonly<Record<string, EngineRun['status']>> = {
  'pending:': 'pending',
  'starting:': 'starting',
  'running:': 'running',
  'finished:completed': 'finished:completed',
  'finished:failed': 'finished:failed',
  'finished:stopped': 'finished:stopped',
};

/** A run as the SuperLink tells it. @throws Error saying which field no SuperLink sends (security.md F-24) */
export function fromWireRun(run: Run): EngineRun {
  const { status = '', subStatus = '', details = '' } = run.status ?? {};
  const known = `${status}:${subStatus}`;
  const ours = Object.hasOwn(STATUSES, known) ? STATUSES[known] : undefined;
  if (ours === undefined) throw new Error(`unknown run status ${JSON.stringify(known)}`);
  if (run.runId === 0n) throw new Error('run without an id');
  return {
    id: run.runId,
    bundleSha256: run.fabHash.toLowerCase(),
    app: plainText(run.fabId),
    appVersion: plainText(run.fabVersion),
    status: ours,
    details: plainText(details),
    pendingAt: fromWireTime(run.pendingAt),
    startingAt: fromWireTime(run.startingAt),
    runningAt: fromWireTime(run.runningAt),
    finishedAt: fromWireTime(run.finishedAt),
  };
}
