import { stat } from 'node:fs/promises';
import type { Logger } from '../core/log.ts';
import { type ArtifactsOptions, createArtifacts } from './artifacts/index.ts';
import type { Parts, Shared } from './parts.ts';
import { createSlots } from './transport/limits.ts';

/** The files of runs, over what the server is made of. `mayPull` asks whether a right stands. */
export function artifactsOf(
  { store, identity, audit, vault }: Parts,
  { config, clock, log }: Shared,
  mayPull: ArtifactsOptions['mayPull'],
): ReturnType<typeof createArtifacts> {
  const { dir, linkLifetime, maxSize, downloads, downloadsPerAccount } = config.artifacts;
  if (dir !== undefined) void warnOfMissing(dir, log);
  return createArtifacts({
    dir,
    maxBytes: maxSize,
    linkLifetimeMs: linkLifetime,
    publicUrl: config.server.publicUrl ?? '',
    seal: {
      seal: (text) => vault.seal(text, 'artifact-link', ''),
      open: (sealed) => vault.open(sealed, 'artifact-link', ''),
    },
    runs: store,
    sessions: identity.sessions,
    mayPull,
    audit,
    slots: createSlots({ perKey: downloadsPerAccount, total: downloads }),
    clock,
    log,
  });
}

/** It may be mounted later: users are told that there are no files, so that the operator has to be told here. */
async function warnOfMissing(dir: string, log: Logger): Promise<void> {
  const found = await stat(dir).catch(() => undefined);
  if (!found?.isDirectory()) log.warn({ dir }, 'the artifacts folder is not there: nothing can be pulled');
}
