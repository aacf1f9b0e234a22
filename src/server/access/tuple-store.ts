import {
  ClientWriteRequestOnDuplicateWrites,
  ClientWriteRequestOnMissingDeletes,
  ConsistencyPreference,
} from '@openfga/sdk';
import { AppError } from '../../core/errors.ts';
import type { Connection } from './client.ts';
import { fromWire, type Tuple, type TupleChange, type TupleKey, toWire } from './tuples.ts';

/** Store and model that are pinned. */
export interface Pin {
  readonly storeId: string;
  readonly modelId: string;
}

/** Stored tuples of the pinned store. */
export interface TupleStore {
  /** The tuple as it stands this moment. */
  find(key: TupleKey): Promise<Tuple | undefined>;
  /** All that match: nothing = the whole store; `object` may be `type:` when `user` is given. */
  list(filter: { user?: string; object?: string }): AsyncGenerator<readonly Tuple[]>;
  /** @throws ABORTED GRANT_CONFLICT where the tuple stands with another end */
  write(tuple: Tuple): Promise<void>;
  remove(key: TupleKey): Promise<void>;
  /** Changes after `token` (undefined: from the beginning). @throws FAILED_PRECONDITION POSITION_INVALID */
  changes(token: string | undefined): Promise<{ changes: readonly TupleChange[]; token: string }>;
}

/** OpenFGA's own limit of a page. */
const PAGE = 100;
/** A Write whose answer got lost can have been done: repeating it must not fail. */
const CONFLICT = {
  onDuplicateWrites: ClientWriteRequestOnDuplicateWrites.Ignore,
  onMissingDeletes: ClientWriteRequestOnMissingDeletes.Ignore,
};
const FRESH = { consistency: ConsistencyPreference.HigherConsistency };

function isDelete(operation: string): boolean {
  if (operation === 'TUPLE_OPERATION_DELETE') return true;
  if (operation === 'TUPLE_OPERATION_WRITE') return false;
  throw new AppError('INTERNAL', 'CHANGE_UNKNOWN', 'OpenFGA reported a change of an unknown kind.', {
    cause: operation,
  });
}

export function createTupleStore({ sdk, call }: Connection, pin: () => Pin): TupleStore {
  const ids = () => ({ storeId: pin().storeId, authorizationModelId: pin().modelId });

  async function* list(filter: { user?: string; object?: string }): AsyncGenerator<readonly Tuple[]> {
    let token = '';
    do {
      const paging = { pageSize: PAGE, ...(token === '' ? {} : { continuationToken: token }) };
      const page = await call('Read', (options) => sdk.read(filter, { ...options, ...ids(), ...FRESH, ...paging }));
      yield page.tuples.map((tuple) => fromWire(tuple.key));
      token = page.continuation_token;
    } while (token !== '');
  }

  return {
    list,
    find: async ({ user, relation, object }) => {
      const key = { user, relation, object };
      const page = await call('Read', (options) => sdk.read(key, { ...options, ...ids(), ...FRESH, pageSize: 1 }));
      const found = page.tuples[0];
      return found === undefined ? undefined : fromWire(found.key);
    },
    write: async (tuple) => {
      await call('Write', (options) =>
        sdk.write({ writes: [toWire(tuple)] }, { ...options, ...ids(), conflict: CONFLICT }),
      );
    },
    remove: async ({ user, relation, object }) => {
      const deletes = [{ user, relation, object }];
      await call('Write', (options) => sdk.write({ deletes }, { ...options, ...ids(), conflict: CONFLICT }));
    },
    changes: async (token) => {
      const paging = { pageSize: PAGE, ...(token === undefined || token === '' ? {} : { continuationToken: token }) };
      const page = await call('ReadChanges', (options) =>
        sdk.readChanges(undefined, { ...options, ...ids(), ...paging }),
      );
      const changes = page.changes.map((change) => ({
        op: isDelete(change.operation) ? ('delete' as const) : ('write' as const),
        tuple: fromWire(change.tuple_key),
      }));
      return { changes, token: page.continuation_token ?? '' };
    },
  };
}
