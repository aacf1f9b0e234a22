import type { Selectable } from 'kysely';
import type { Invitation, InvitationStatus, InvitationStore } from '../../core/federations.ts';
import type { Databases } from './databases.ts';
import type { InvitationTable } from './schema.ts';

const MAX_LISTED = 1000;

function toInvitation(row: Selectable<InvitationTable>): Invitation {
  return {
    id: row.id,
    federation: row.federation,
    inviterAccountId: row.inviter_account_id,
    inviteeAccountId: row.invitee_account_id,
    role: row.role,
    status: row.status as InvitationStatus,
    createdAt: row.created_at,
    changedAt: row.changed_at,
  };
}

function toRow(invitation: Invitation): InvitationTable {
  return {
    id: invitation.id,
    federation: invitation.federation,
    inviter_account_id: invitation.inviterAccountId,
    invitee_account_id: invitation.inviteeAccountId,
    role: invitation.role,
    status: invitation.status,
    created_at: invitation.createdAt,
    changed_at: invitation.changedAt,
  };
}

export function createInvitationStore({ reader, writer }: Databases): InvitationStore {
  return {
    /** The index of pending ones stands against a second one. */
    async insertInvitation(invitation) {
      const { numInsertedOrUpdatedRows } = await writer
        .insertInto('invitation')
        .values(toRow(invitation))
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow();
      return numInsertedOrUpdatedRows === 1n;
    },

    async settleInvitation(id, status, now) {
      const row = await writer
        .updateTable('invitation')
        .set({ status, changed_at: now })
        .where('id', '=', id)
        .where('status', '=', 'pending')
        .returningAll()
        .executeTakeFirst();
      return row && toInvitation(row);
    },

    async invitations({ federations, inviteeAccountId, status }) {
      if (federations?.length === 0) return [];
      const rows = await reader
        .selectFrom('invitation')
        .selectAll()
        .$if(federations !== undefined, (query) => query.where('federation', 'in', federations ?? []))
        .$if(inviteeAccountId !== undefined, (query) => query.where('invitee_account_id', '=', inviteeAccountId ?? ''))
        .$if(status !== undefined, (query) => query.where('status', '=', status ?? ''))
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(MAX_LISTED)
        .execute();
      return rows.map(toInvitation);
    },
  };
}
