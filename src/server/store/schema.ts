import type { Generated } from 'kysely';

/** 64-bit ids are decimal TEXT, times are milliseconds since the epoch, booleans are 0 or 1. */
export interface Schema {
  schema_version: { version: number; name: string; applied_at: number };
  account: AccountTable;
  session: SessionTable;
  refresh_token: { hash: string; session_id: string; generation: number; superseded_at: number | null };
  login_flow: LoginTable;
  signing_key: KeyTable;
  meta: { name: string; value: string };
  once: { key: string; expires_at: number };
  run: RunTable;
  run_grant: GrantTable;
  bundle: { sha256: string; content: Uint8Array; touched_at: number };
  run_log: { run_key: string; size: number; engine_timestamp: number; drained: number; cut: number };
  log_chunk: { run_key: string; start_byte: number; size: number; engine_timestamp: number; content: Uint8Array };
  audit: AuditTable;
  federation: FederationTable;
  invitation: InvitationTable;
  supernode: NodeTable;
}

export interface AccountTable {
  id: string;
  kind: 'user' | 'service_account';
  issuer: string;
  issuer_alias: string;
  subject: string;
  handle: string;
  display_name: string;
  email: string;
  /** Lower case, for look-ups. */
  email_key: string;
  created_at: number;
  last_login_at: number;
}

export interface SessionTable {
  id: string;
  account_id: string;
  created_at: number;
  renewed_at: number;
  expires_at: number;
  idle_ms: number;
  /** The earlier of expiry and idle end; the end itself once revoked. */
  ends_at: number;
  auth_time: number;
  /** JSON array of strings. */
  groups: string;
  client: string;
  host: string;
  address: string;
  sealed_provider_token: string | null;
  sealed_pair: string;
  generation: number;
  seen_generation: number;
  revoked_at: number | null;
  revoked_reason: string;
  lease_holder: string | null;
  lease_until: number | null;
  origin: string;
  provider_sid: string;
  acr: string;
  sealed_id_token: string | null;
  sealed_provider_access: string | null;
  exchange_hash: string | null;
  /** JSON array of strings. */
  scopes: string | null;
}

export interface LoginTable {
  handle_hash: string;
  kind: 'device' | 'page' | 'code';
  state: 'pending' | 'confirmed' | 'redeeming' | 'approved' | 'failed';
  issuer_alias: string;
  sealed_device_code: string;
  sealed_request: string;
  sealed_result: string | null;
  failure: string;
  user_code: string | null;
  state_hash: string | null;
  browser_hash: string | null;
  started_at: number;
  expires_at: number;
  interval_ms: number;
  next_poll_at: number;
  client: string;
  host: string;
  address: string;
}

export interface KeyTable {
  kid: string;
  alg: string;
  public_jwk: string;
  sealed_private_jwk: string;
  created_at: number;
  retired_at: number | null;
}

export interface RunTable {
  key: string;
  id: string | null;
  /** Null where the caller gave none. */
  request_id: string | null;
  engine: string;
  federation: string;
  owner_account_id: string;
  owner: string;
  owner_handle: string;
  app: string;
  app_version: string;
  bundle_sha256: string;
  status: string;
  reason: string;
  created_at: number;
  starting_at: number | null;
  running_at: number | null;
  finished_at: number | null;
  quarantined: number;
  stop_requested_at: number | null;
  /** 1 while the reconciler has something to do: not final, or the log is not drained. */
  is_open: number;
}

interface GrantTable {
  principal: string;
  run_id: string;
  role: string;
  until: number | null;
  /** Of the run's row, once it is known here: makes a page of shared runs one walk along an index. */
  run_key: string | null;
  run_created_at: number | null;
}

export interface AuditTable {
  seq: Generated<number>;
  request_id: string;
  at: number;
  action: string;
  principal: string;
  account_id: string;
  session_id: string;
  address: string;
  user_agent: string;
  object: string;
  asked_right: string;
  decision: string;
  reason: string;
  bundle: string;
}

export interface NodeTable {
  engine: string;
  id: string;
  federation: string;
  owner_account_id: string;
  owner: string;
  owner_handle: string;
  name: string;
  location: string;
  registered_at: number;
  unregistered_at: number | null;
}

export interface FederationTable {
  id: string;
  description: string;
  engine: string;
  simulation: number;
  /** JSON, see scalars.ts. */
  simulation_config: string;
  created_at: number;
  created_by: string;
  archived_at: number | null;
}

export interface InvitationTable {
  id: string;
  federation: string;
  inviter_account_id: string;
  invitee_account_id: string;
  role: string;
  status: string;
  created_at: number;
  changed_at: number;
}
