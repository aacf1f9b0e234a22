import type { ColumnTypes } from './databases.ts';

export interface Migration {
  readonly name: string;
  /** Statements in order, in SQL that every kind of database takes. */
  readonly statements: (types: ColumnTypes) => readonly string[];
}

/** Append only: what has been released is never changed, and a merge conflict here is the alarm. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: 'first',
    statements: (types) => [
      `create table account (id text primary key, issuer text not null, issuer_alias text not null,
        subject text not null, handle text not null unique, display_name text not null, email text not null,
        email_key text not null, created_at bigint not null, last_login_at bigint not null, unique (issuer, subject))`,
      'create index account_by_email on account (email_key)',
      'create index account_by_subject on account (subject)',
      `create table session (id text primary key, account_id text not null references account (id),
        created_at bigint not null, renewed_at bigint not null, expires_at bigint not null, idle_ms bigint not null,
        ends_at bigint not null, auth_time bigint not null, groups text not null, client text not null,
        host text not null, address text not null, sealed_provider_token text, sealed_pair text not null,
        generation integer not null, seen_generation integer not null, revoked_at bigint, revoked_reason text not null,
        lease_holder text, lease_until bigint)`,
      'create index session_by_account on session (account_id)',
      'create index session_by_end on session (ends_at)',
      `create table refresh_token (hash text primary key, session_id text not null references session (id)
        on delete cascade, generation integer not null, superseded_at bigint)`,
      'create index refresh_token_by_session on refresh_token (session_id)',
      `create table login_flow (handle_hash text primary key, issuer_alias text not null,
        sealed_device_code text not null, expires_at bigint not null, interval_ms bigint not null,
        next_poll_at bigint not null, client text not null, host text not null, address text not null)`,
      'create index login_flow_by_end on login_flow (expires_at)',
      `create table signing_key (kid text primary key, alg text not null, public_jwk text not null,
        sealed_private_jwk text not null, created_at bigint not null, retired_at bigint)`,
      'create table meta (name text primary key, value text not null)',
      `create table run (key text primary key, id text, request_id text, engine text not null, federation text not null,
        owner_account_id text not null, owner text not null, owner_handle text not null, app text not null,
        app_version text not null, bundle_sha256 text not null, status text not null, reason text not null,
        created_at bigint not null, starting_at bigint, running_at bigint, finished_at bigint,
        quarantined integer not null, stop_requested_at bigint, is_open integer not null,
        unique (id, engine), unique (owner_account_id, request_id))`,
      'create index run_by_time on run (created_at, key)',
      'create index run_by_owner on run (owner_account_id, created_at, key)',
      'create index run_by_owner_federation on run (owner_account_id, federation, created_at, key)',
      'create index run_by_federation on run (federation, created_at, key)',
      'create index run_by_bundle on run (bundle_sha256, created_at)',
      'create index run_open on run (engine) where is_open = 1',
      `create unique index run_submitting on run (engine, bundle_sha256) where status = 'submitting'`,
      `create table run_grant (principal text not null, run_id text not null, role text not null, until bigint,
        run_key text, run_created_at bigint, primary key (run_id, principal, role))`,
      'create index run_grant_by_principal on run_grant (principal, run_created_at, run_key)',
      `create table bundle (sha256 text primary key, touched_at bigint not null, content ${types.bytes} not null)`,
      'create index bundle_by_time on bundle (touched_at)',
      `create table run_log (run_key text primary key references run (key), size bigint not null,
        engine_timestamp double precision not null, drained integer not null, cut integer not null)`,
      'create index run_log_kept on run_log (run_key) where size > 0',
      `create table log_chunk (run_key text not null references run (key), start_byte bigint not null,
        size bigint not null, engine_timestamp double precision not null, content ${types.bytes} not null,
        primary key (run_key, start_byte))`,
      'create index log_chunk_by_time on log_chunk (run_key, engine_timestamp, start_byte)',
      `create table audit (seq ${types.sequence}, request_id text not null, at bigint not null, action text not null,
        principal text not null, account_id text not null, session_id text not null, address text not null,
        user_agent text not null, object text not null, asked_right text not null, decision text not null,
        reason text not null, bundle text not null)`,
      'create index audit_by_time on audit (at)',
      'create unique index audit_by_request on audit (request_id)',
    ],
  },
  {
    name: 'federations',
    statements: () => [
      `create table federation (id text primary key, description text not null, engine text not null,
        simulation integer not null, simulation_config text not null, created_at bigint not null,
        created_by text not null, archived_at bigint)`,
      `create table invitation (id text primary key, federation text not null references federation (id),
        inviter_account_id text not null references account (id), invitee_account_id text not null references account (id),
        role text not null, status text not null, created_at bigint not null, changed_at bigint not null)`,
      `create unique index invitation_pending on invitation (federation, invitee_account_id) where status = 'pending'`,
      'create index invitation_by_federation on invitation (federation, created_at, id)',
      'create index invitation_by_invitee on invitation (invitee_account_id, created_at, id)',
    ],
  },
  {
    name: 'supernodes',
    statements: () => [
      `create table supernode (engine text not null, id text not null, federation text not null,
        owner_account_id text not null, owner text not null, owner_handle text not null,
        name text not null, location text not null, registered_at bigint not null, unregistered_at bigint,
        primary key (engine, id))`,
      'create index supernode_by_id on supernode (id)',
    ],
  },
];
