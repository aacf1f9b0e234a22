import { createHash } from 'node:crypto';
import type { Logger } from '../../core/log.ts';
import type { VerifiedBundle } from '../../core/services.ts';
import { bundleError, quoted } from './bundle-errors.ts';
import { checkManifest, type Digest, MANIFEST, MAX_MANIFEST } from './bundle-manifest.ts';
import { MAX_PROJECT, PROJECT, readProject } from './bundle-project.ts';
import { readZip, type ZipEntry } from './bundle-zip.ts';

/** Entries whose text is needed; all others are only hashed. In bytes. */
const KEPT: Readonly<Record<string, number>> = { [PROJECT]: MAX_PROJECT, [MANIFEST]: MAX_MANIFEST };

/**
 * Every check of an app bundle before it may reach an engine: archive, names, sizes, manifest, pyproject.toml
 * (security.md T-17, T-23 to T-26; facts section 5). Nothing is written to disk.
 * @throws INVALID_ARGUMENT BUNDLE_*
 */
export async function verifyBundle(content: Uint8Array): Promise<VerifiedBundle> {
  const buffer = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const { entries, carried } = await readZip(buffer);
  const { digests, kept } = await digestEntries(entries);
  const project = kept.get(PROJECT);
  if (project === undefined) throw bundleError('BUNDLE_PROJECT_INVALID', `The bundle has no ${PROJECT}.`);
  const { app, version } = await readProject(project);
  const manifest = kept.get(MANIFEST);
  if (manifest === undefined)
    throw bundleError('BUNDLE_MANIFEST_MISMATCH', `The bundle has no manifest (${MANIFEST}).`);
  checkManifest(manifest.toString('utf8'), digests);
  const sha256 = createHash('sha256').update(buffer).digest('hex');
  return { sha256, content, app, appVersion: version, carried };
}

/** What a bundle carries beside its app goes through, but not unseen: its hash stands in the audit row of the call, too. */
export function tellCarried(bundle: VerifiedBundle, log: Logger): VerifiedBundle {
  const { app, sha256, carried = [] } = bundle;
  if (carried.length > 0) {
    log.warn({ app, bundle: sha256, carried: carried.slice(0, 10) }, 'bundle carries more than its app');
  }
  return bundle;
}

async function digestEntries(entries: readonly ZipEntry[]) {
  const digests = new Map<string, Digest>();
  const kept = new Map<string, Buffer>();
  for (const entry of entries) {
    const limit = Object.hasOwn(KEPT, entry.name) ? KEPT[entry.name] : undefined;
    if (limit !== undefined && entry.size > limit) {
      throw bundleError('BUNDLE_TOO_LARGE', `Entry ${quoted(entry.name)} of the bundle is too large.`);
    }
    const hash = createHash('sha256');
    const pieces: Buffer[] = [];
    for await (const piece of entry.read()) {
      hash.update(piece);
      if (limit !== undefined) pieces.push(piece);
    }
    digests.set(entry.name, { sha256: hash.digest('hex'), size: entry.size });
    if (limit !== undefined) kept.set(entry.name, Buffer.concat(pieces));
  }
  return { digests, kept };
}
