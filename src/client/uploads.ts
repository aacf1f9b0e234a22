import type { ServiceError } from '@grpc/grpc-js';
import { AppError } from '../core/errors.ts';
import type { Run, StartRunHeader, StartRunResponse } from '../gen/fedctl/v1/runs.ts';
import type { Client } from './channel.ts';
import { explainFailure } from './failures.ts';
import { bearer } from './unary.ts';

/** Bytes per message: small enough to show progress, large enough to cost nothing. */
const CHUNK = 64 * 1024;
/** The server verifies the bundle and waits for the engine. */
const START_RUN_MS = 120_000;

export interface Upload {
  readonly header: StartRunHeader;
  readonly bundle: Uint8Array;
  /** Bytes handed to the network so far. */
  readonly onProgress: (sent: number) => void;
}

/** Sends one bundle and waits for its run. Not repeated here: with the same request id a repetition gives the same run. */
export async function uploadRun(client: Client, token: string, upload: Upload): Promise<Run> {
  const outcome = await new Promise<{ error: ServiceError } | { response: StartRunResponse }>((resolve) => {
    const options = { deadline: Date.now() + START_RUN_MS };
    const stream = client.runs.startRun(bearer(token), options, (error, response) =>
      resolve(error ? { error } : { response }),
    );
    // The callback above tells of every failure; a listener keeps a late write from ending the process.
    stream.on('error', () => {});
    stream.write({ header: upload.header });
    sendChunks(stream, upload, 0);
  });
  if ('error' in outcome) throw await explainFailure(outcome.error, client.endpoint);
  if (outcome.response.run === undefined) {
    throw new AppError('INTERNAL', 'ANSWER_MALFORMED', 'The server answered a submission without a run.');
  }
  return outcome.response.run;
}

interface ChunkSink {
  write(message: { chunk: Buffer }, written: () => void): boolean;
  end(): void;
}

/** One chunk after the other, each when the one before it has left: backpressure and honest progress. */
function sendChunks(stream: ChunkSink, upload: Upload, offset: number): void {
  if (offset >= upload.bundle.length) {
    stream.end();
    return;
  }
  const chunk = Buffer.from(upload.bundle.subarray(offset, offset + CHUNK));
  stream.write({ chunk }, () => {
    upload.onProgress(offset + chunk.length);
    sendChunks(stream, upload, offset + chunk.length);
  });
}
