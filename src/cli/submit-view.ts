import type { Run } from '../gen/fedctl/v1/runs.ts';
import type { Bundle } from '../project/bundle.ts';
import { safeLine } from './text.ts';

/** flwr's keys (1.32), then ours. */
export function submittedDocument(run: Run, bundle: Bundle) {
  return {
    success: true,
    'run-id': String(run.runId),
    federation: safeLine(run.federation),
    'fab-id': bundle.app,
    'fab-name': bundle.app.split('/').at(-1) ?? '',
    'fab-version': bundle.version,
    'fab-hash': bundle.sha256,
    'fab-filename': bundle.fileName,
    status: safeLine(run.status),
    'request-id': safeLine(run.requestId),
  };
}

export function submittedLine(run: Run, bundle: Pick<Bundle, 'app'>): string {
  const where = run.federation === '' ? '' : ` to ${safeLine(run.federation)}`;
  return `Run ${run.runId} of ${safeLine(run.app || bundle.app)} is submitted${where}.`;
}
