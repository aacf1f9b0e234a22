import type { BundleFamily } from '../../core/engine.ts';
import { AppError } from '../../core/errors.ts';
import { isFlowerFailure } from '../../flower/failure.ts';
import { rpcs } from '../../flower/rpcs.ts';
import { federationUnnamed, shapesOf } from '../../flower/shapes.ts';
import type * as fedctl from '../../gen/fedctl/v1/runs.ts';
import { Run as FlowerRun } from '../../gen/flwr/proto/run.ts';
import type { RemoteUpload } from '../remote.ts';
import { pageOf, pageSize, runOf } from './run-facts.ts';
import { plainConfig } from './scalars.ts';
import { aboutRun, type SuperlinkSession } from './session.ts';

/** The SuperLink unpacks the bundle and asks its database. */
const START_RUN_MS = 120_000;
const STOP_MS = 60_000;

/** What can be done with runs of a SuperLink, in the words of fedctl.v1. */
export interface SuperlinkRuns {
  find(runId: bigint): Promise<fedctl.Run>;
  list(request: fedctl.ListRunsRequest): Promise<fedctl.ListRunsResponse>;
  start(upload: RemoteUpload): Promise<fedctl.Run>;
  stop(request: fedctl.StopRunRequest): Promise<fedctl.StopRunResponse>;
}

interface Place {
  readonly session: SuperlinkSession;
  readonly family: () => Promise<BundleFamily>;
}

export function superlinkRuns(session: SuperlinkSession, family: () => Promise<BundleFamily>): SuperlinkRuns {
  const place = { session, family };
  return {
    find: (runId) => find(place, runId),
    list: (request) => list(place, request),
    start: (upload) => start(place, upload),
    stop: (request) => stop(place, request),
  };
}

async function listOne({ session }: Place, runId: bigint): Promise<fedctl.ListRunsResponse & { runs: [fedctl.Run] }> {
  const answer = await session.call(rpcs.listRuns, { runId, limit: undefined }).catch((error: AppError) => {
    throw aboutRun(runId, error);
  });
  const run = answer.runDict.get(runId);
  if (run === undefined) throw aboutRun(runId, new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'not in the answer'));
  return { runs: [runOf(run)], nextCursor: '', now: answer.now };
}

async function find(place: Place, runId: bigint): Promise<fedctl.Run> {
  return (await listOne(place, runId)).runs[0];
}

async function list(place: Place, request: fedctl.ListRunsRequest): Promise<fedctl.ListRunsResponse> {
  if (request.runId !== undefined) return await listOne(place, request.runId);
  // The first page of all runs is as long as asked for; releases before 1.27 answer with all of them.
  const whole = request.cursor === '' && request.runIdPrefix === '' && request.federation === '';
  const limit = whole ? BigInt(pageSize(request) + 1) : undefined;
  const answer = await place.session.call(rpcs.listRuns, { runId: undefined, limit });
  return { ...pageOf([...answer.runDict.values()].map(runOf), request), now: answer.now };
}

async function start(place: Place, { header, bundle, onProgress, onNote }: RemoteUpload): Promise<fedctl.Run> {
  const family = await place.family();
  const shapes = shapesOf(family);
  const request = {
    bundle,
    bundleSha256: header.bundleSha256,
    runConfig: plainConfig(header.runConfig),
    federationConfig: plainConfig(header.federationConfig),
    federation: header.federation || (await federationUnnamed(family, place.session.call)),
  };
  onProgress(0);
  const sent = place.session.call(shapes.startRun, request, { timeoutMs: START_RUN_MS });
  const answer = await sent.catch((error: AppError) => {
    throw mayHaveActed(error) ? outcomeUnknown(error) : error;
  });
  onProgress(bundle.length);
  if (answer.note !== undefined && answer.note !== '') onNote(answer.note);
  if (answer.runId === undefined || answer.runId === 0n) throw notAccepted();
  return await started(place, answer.runId, answer.federation || request.federation, header);
}

/** The new run as the SuperLink shows it; where it can't tell now, what is known of it all the same. */
async function started(place: Place, runId: bigint, federation: string, header: fedctl.StartRunHeader) {
  const { requestId, bundleSha256 } = header;
  const run = await find(place, runId).catch(() => runOf(FlowerRun.fromPartial({ runId, fabHash: bundleSha256 })));
  return { ...run, requestId, federation: run.federation || federation };
}

async function stop(place: Place, { runId }: fedctl.StopRunRequest): Promise<fedctl.StopRunResponse> {
  const sent = place.session.call(rpcs.stopRun, { runId }, { timeoutMs: STOP_MS });
  const { success } = await sent.catch((error: AppError) => {
    throw aboutRun(runId, error);
  });
  if (!success) throw new AppError('FAILED_PRECONDITION', 'SUPERLINK_REFUSED', 'The SuperLink did not stop the run.');
  return { run: await find(place, runId).catch(() => undefined) };
}

function mayHaveActed({ cause }: AppError): boolean {
  return isFlowerFailure(cause) && (cause.kind === 'unavailable' || cause.kind === 'invalid');
}

/** A SuperLink knows no request ids: whoever asks it again starts another run. */
function outcomeUnknown(error: AppError): AppError {
  const text = `The SuperLink may have started the run, but its answer was lost: ${error.message}`;
  const hint = 'It was not asked again, since that could start a second run. See first: fedctl ls';
  return new AppError(error.code, error.reason, text, { hint, cause: error });
}

/** An OK without a run id is how a SuperLink refuses a bundle (flower/facts section 5). */
function notAccepted(): AppError {
  return new AppError('FAILED_PRECONDITION', 'SUPERLINK_REFUSED', 'The SuperLink did not accept the app bundle.', {
    hint: 'Check that the app builds and runs with the Flower release of the SuperLink.',
  });
}
