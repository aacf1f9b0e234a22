import { randomBytes } from 'node:crypto';
import type { AuditLog } from '../core/audit.ts';
import type { Metrics } from '../core/metrics.ts';
import type { IdentityEvent, OnIdentityEvent } from './identity/events.ts';

const GOOD_EVENTS: readonly IdentityEvent['kind'][] = ['session-opened', 'login-confirmed', 'login-approved'];
/** They end no session. */
const OTHER_EVENTS: readonly IdentityEvent['kind'][] = [...GOOD_EVENTS, 'login-denied', 'refresh-token-late'];

/** What identity does on its own account, such as ending a session whose token was replayed, has its row too. */
export function recordIdentityEvents(audit: AuditLog, metrics: Metrics): OnIdentityEvent {
  return async ({ kind, at, sessionId, accountId, principal, address, requester }) => {
    if (!OTHER_EVENTS.includes(kind)) metrics.count('session_ends_total', { why: kind });
    await audit.record({
      requestId: randomBytes(12).toString('hex'),
      at,
      action: `session.${kind}`,
      principal,
      accountId,
      sessionId,
      address,
      userAgent: '',
      // Who asked for a login and who answered it: two addresses in one row (security.md T-01).
      object: requester === undefined ? '' : `login:${requester}`,
      right: '',
      decision: GOOD_EVENTS.includes(kind) ? 'allow' : 'deny',
      reason: GOOD_EVENTS.includes(kind) ? '' : kind.toUpperCase().replaceAll('-', '_'),
      bundle: '',
    });
  };
}
