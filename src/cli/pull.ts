import { loadRootCertificates } from '../project/connections.ts';
import type { Context } from './context.ts';
import type { Control } from './control.ts';
import { type Downloaded, download, outputPath } from './download.ts';

export interface PullInput {
  readonly runId: bigint;
  /** File or folder, as typed. */
  readonly output: string;
  readonly overwrite: boolean;
}

/** Fetches what a run left behind. @throws as {@link download} does, and what the server says */
export async function pullRun(
  context: Context,
  { remote, connection }: Control,
  { runId, output, overwrite }: PullInput,
): Promise<Downloaded & { readonly path: string }> {
  const path = await outputPath(output, `run-${runId}.zip`, context.cwd);
  const { url } = await remote.pullArtifacts({ runId });
  // Ours serves the files itself. A SuperLink may point to a store that is somebody else's, known to the system.
  const isOurs = remote.kind === 'fedctl' || URL.parse(url)?.hostname === connection.host;
  const rootCertificates = isOurs ? await loadRootCertificates(connection) : undefined;
  return { path, ...(await download(context, { url, rootCertificates, path, overwrite })) };
}
