import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import { isFinal, type Run } from '../../core/runs.ts';
import type { Artifacts } from '../../core/services.ts';
import type { Route } from '../transport/https.ts';
import { createDownloads, type DownloadOptions } from './downloads.ts';
import { type RunFiles, runFolder } from './folder.ts';
import { createLinks, type Seal } from './links.ts';

export type { Seal } from './links.ts';

export type ArtifactsOptions = Omit<DownloadOptions, 'links' | 'filesOf'> & {
  /** Has a folder for each run, named by its id; undefined: nothing can be pulled. */
  readonly dir: string | undefined;
  /** Of the files of one run. */
  readonly maxBytes: number;
  readonly linkLifetimeMs: number;
  /** Origin of the HTTPS port as others reach it. */
  readonly publicUrl: string;
  readonly seal: Seal;
  readonly clock: Clock;
};

const PATH = '/artifacts/';
const MAX_ENTRIES = 10_000;
const MAX_DEPTH = 32;

/** The files that runs left behind: links for those who may pull, and the route that such a link leads to. */
export function createArtifacts(options: ArtifactsOptions): { artifacts: Artifacts; routes: readonly Route[] } {
  const { dir, maxBytes, clock, linkLifetimeMs, publicUrl } = options;
  const links = createLinks({ seal: options.seal, clock, lifetimeMs: linkLifetimeMs });
  const limits = { maxBytes, maxEntries: MAX_ENTRIES, maxDepth: MAX_DEPTH };

  async function filesOf(run: Run): Promise<RunFiles> {
    if (dir === undefined) throw notConfigured();
    if (!isFinal(run.status)) throw notFinished();
    const folder = runFolder(dir, String(run.id ?? ''));
    const files = run.id === undefined ? undefined : await folder.survey(limits);
    if (files === undefined || files.length === 0) throw notFound();
    return { folder, files };
  }

  return {
    artifacts: {
      async link(run, { session, account }) {
        await filesOf(run);
        const token = links.token({ runKey: run.key, sessionId: session.id, accountId: account.id });
        return { url: `${publicUrl.replace(/\/$/, '')}${PATH}${token}`, expiresInMs: linkLifetimeMs };
      },
    },
    routes: [
      {
        method: 'GET',
        path: PATH,
        handle: createDownloads({ ...options, links, filesOf }).serve(PATH),
      },
    ],
  };
}

function notConfigured(): AppError {
  return new AppError(
    'FAILED_PRECONDITION',
    'ARTIFACTS_NOT_CONFIGURED',
    'Artifacts are not configured on this server.',
    {
      hint: 'Set dir under [artifacts] in server.toml.',
    },
  );
}

function notFinished(): AppError {
  return new AppError('FAILED_PRECONDITION', 'RUN_NOT_FINISHED', 'Cannot pull artifacts for an unfinished run.', {
    hint: 'Wait for it: fedctl log RUN_ID',
  });
}

function notFound(): AppError {
  return new AppError('NOT_FOUND', 'ARTIFACTS_NOT_FOUND', 'This run has left no files behind.', {
    hint: 'Its app has to write them into the artifacts folder of the server; see docs/deploy.md.',
  });
}
