import { randomBytes } from 'node:crypto';
import type { AuditLog } from '../core/audit.ts';
import type { Metrics } from '../core/metrics.ts';
import type { OnIdentityEvent } from './identity/events.ts';

/** What identity does on its own account, such as ending a session whose token was replayed, has its row too. */
export function recordIdentityEvents(audit: AuditLog, metrics: Metrics): OnIdentityEvent {
  return async ({ kind, at, sessionId, accountId, principal, address }) => {
    if (kind !== 'session-opened' && kind !== 'login-denied') metrics.count('session_ends_total', { why: kind });
    await audit.record({
      requestId: randomBytes(12).toString('hex'),
      at,
      action: `session.${kind}`,
      principal,
      accountId,
      sessionId,
      address,
      userAgent: '',
      object: '',
      right: '',
      decision: kind === 'session-opened' ? 'allow' : 'deny',
      reason: kind === 'session-opened' ? '' : kind.toUpperCase().replaceAll('-', '_'),
      bundle: '',
    });
  };
}
