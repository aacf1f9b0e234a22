/** One row per call, written before the answer (security.md AU-01). Holds no secret and no free text from the peer. */
export interface AuditRow {
  /** Request id: shown to the caller with an error, found in the log. */
  readonly requestId: string;
  /** Epoch ms. */
  readonly at: number;
  /** Method name, e.g. "runs.stop". */
  readonly action: string;
  /** OpenFGA principal, or "" before authentication. */
  readonly principal: string;
  readonly accountId: string;
  readonly sessionId: string;
  readonly address: string;
  readonly userAgent: string;
  /** OpenFGA object, e.g. "run:123"; "" where the method has none. */
  readonly object: string;
  readonly right: string;
  readonly decision: 'allow' | 'deny' | 'error';
  /** Reason code of a denial or error, else "". */
  readonly reason: string;
  /** SHA-256 of an app bundle, else "". */
  readonly bundle: string;
}

export interface AuditLog {
  /** Durable when it resolves. For mutations: they wait for their own row. @throws UNAVAILABLE AUDIT_UNAVAILABLE */
  record(row: AuditRow): Promise<void>;
  /** As `record`, many rows sharing one commit; for reads. */
  recordGrouped(row: AuditRow): Promise<void>;
}

/** Where audit rows end up. */
export interface AuditStore {
  /** All rows in one durable transaction. Of several rows with one request id the first stands. */
  insertAudit(rows: readonly AuditRow[]): Promise<void>;
  /** Newest first; for tests and `admin audit`. */
  auditRows(limit: number): Promise<readonly AuditRow[]>;
}
