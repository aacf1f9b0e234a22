import type { Run as ProtoRun } from '../../../gen/flwr/proto/run.ts';
import type { SeenRun } from '../methods.ts';
import { flowerTime } from './times.ts';

/**
 * A run as every release reads it: fields that came later are unknown to the earlier ones, which pass over them.
 * `pending_at` is never empty, which flwr up to 1.25 demands (flower facts, section 6).
 */
export function toFlowerRun({ run }: SeenRun): ProtoRun {
  const [status = '', subStatus = ''] = flowerStatus(run.status).split(':');
  return {
    runId: run.id ?? 0n,
    fabId: run.app,
    fabVersion: run.appVersion,
    overrideConfig: {},
    fabHash: run.bundleSha256,
    pendingAt: flowerTime(run.createdAt),
    startingAt: flowerTime(run.startingAt),
    runningAt: flowerTime(run.runningAt),
    finishedAt: flowerTime(run.finishedAt),
    status: { status, subStatus, details: run.reason },
    flwrAid: run.ownerHandle,
    federation: run.federation,
    bytesSent: 0n,
    bytesRecv: 0n,
    clientappRuntime: 0,
    primaryTaskType: '',
    primaryTaskId: undefined,
    seriesId: 0n,
    accountName: run.ownerHandle,
  };
}

/** flwr knows neither `submitting` nor `lost`. */
function flowerStatus(status: SeenRun['run']['status']): string {
  if (status === 'submitting') return 'pending';
  return status === 'lost' ? 'finished:failed' : status;
}
