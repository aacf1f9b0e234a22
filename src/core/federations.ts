import type { RunConfig } from './runs.ts';

/** A federation's row: members are grants, SuperNodes are its engine's. */
export interface Federation {
  /** `@owner/name`. */
  readonly id: string;
  readonly description: string;
  /** Name of the engine that serves it. */
  readonly engine: string;
  readonly simulation: boolean;
  /** What its runs get as federation options unless they say otherwise. */
  readonly simulationConfig: RunConfig;
  /** Epoch ms. */
  readonly createdAt: number;
  /** Account that made it; "" for the default federation. */
  readonly createdBy: string;
  /** Epoch ms; no new runs from then on. */
  readonly archivedAt: number | undefined;
}

export interface FederationStore {
  /** False where the id stands already, archived ones included; nothing is written then. */
  insertFederation(federation: Federation): Promise<boolean>;
  /** All, archived ones too, by id. */
  federations(): Promise<readonly Federation[]>;
  /** As it stands afterwards; undefined where there is none. An archived one stays archived. */
  updateFederation(
    id: string,
    change: { engine?: string; simulationConfig?: RunConfig; archivedAt?: number },
  ): Promise<Federation | undefined>;
}

/** The federations as every call needs them: from memory, at most 1 s behind other processes, never behind this one. */
export interface Federations {
  all(): Promise<readonly Federation[]>;
  /** Asks the store once more before it says that there is none. */
  find(id: string): Promise<Federation | undefined>;
  /** @throws ALREADY_EXISTS FEDERATION_EXISTS */
  create(federation: Federation): Promise<void>;
  /** @throws NOT_FOUND FEDERATION_NOT_FOUND */
  change(id: string, change: { simulationConfig?: RunConfig; archivedAt?: number }): Promise<Federation>;
}

export const INVITATION_STATUSES = ['pending', 'accepted', 'rejected', 'revoked'] as const;
export type InvitationStatus = (typeof INVITATION_STATUSES)[number];

/** At most one of a (federation, invitee) is pending. */
export interface Invitation {
  /** Ours, opaque. */
  readonly id: string;
  readonly federation: string;
  readonly inviterAccountId: string;
  readonly inviteeAccountId: string;
  /** Role on the federation that accepting gives. */
  readonly role: string;
  readonly status: InvitationStatus;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly changedAt: number;
}

export interface InvitationStore {
  /** False where one is pending for the same federation and invitee; nothing is written then. */
  insertInvitation(invitation: Invitation): Promise<boolean>;
  /** Moves a pending one on; undefined where it is not pending any more, or never was. One caller wins, over all processes. */
  settleInvitation(
    id: string,
    status: Exclude<InvitationStatus, 'pending'>,
    now: number,
  ): Promise<Invitation | undefined>;
  /** Newest first, at most 1,000; both narrowings by AND. */
  invitations(filter: {
    federations?: readonly string[];
    inviteeAccountId?: string;
    status?: InvitationStatus;
  }): Promise<readonly Invitation[]>;
}
