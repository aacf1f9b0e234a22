import { StopRunResponse } from '../../../gen/flwr/proto/control.ts';
import { type FlowerCall, type FlowerCalls, flowerCall } from './flower-calls.ts';
import { grpcLoginCalls } from './flower-login.ts';
import { getRun, insteadOfList, listed, listRuns, runCalls, stopRun } from './flower-runs.ts';

const { StartRun, StreamLogs } = runCalls as Record<'StartRun' | 'StreamLogs', FlowerCall>;
const { GetLoginDetails, GetAuthTokens } = grpcLoginCalls as Record<'GetLoginDetails' | 'GetAuthTokens', FlowerCall>;

const LOGIN_OVER = new Set(['LOGIN_DENIED', 'LOGIN_EXPIRED']);

/** A run that does not exist is an empty list: 1.18 knows no status for it, and 1.19 and 1.20 print the same sentence. */
const findRun: typeof getRun = {
  ...getRun,
  excuse: ({ reason }) => (reason === 'RUN_NOT_FOUND' ? listed([], 0) : undefined),
};

/** Reasons for which flwr prints that the run could not be stopped, where a status would be printed as an error object. */
const NOT_STOPPED = new Set(['RUN_NOT_FOUND', 'RUN_FINISHED']);

/** What flwr 1.18 to 1.20 call, with answers in place of the statuses that they print as error objects (flower facts, 1.2). */
export const execCalls: FlowerCalls = {
  GetLoginDetails,
  // UNAUTHENTICATED is the one status that all three print as a sentence, and they end upon it.
  GetAuthTokens: {
    ...GetAuthTokens,
    excuse: (error, headers) => (LOGIN_OVER.has(error.reason) ? undefined : GetAuthTokens.excuse?.(error, headers)),
  },
  StartRun,
  StreamLogs,
  ListRuns: flowerCall({ ...listRuns, instead: insteadOfList(findRun) }),
  StopRun: flowerCall({
    ...stopRun,
    excuse: ({ reason }) => (NOT_STOPPED.has(reason) ? StopRunResponse.encode({ success: false }).finish() : undefined),
  }),
};
