import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NEWEST_FAMILY } from '../core/bundle-families.ts';
import type { BundleFamily } from '../core/engine.ts';
import { AppError } from '../core/errors.ts';
import { type App, readApp } from './app.ts';
import { FAMILIES, type FamilyRules } from './bundle-families.ts';
import { chooseFiles } from './bundle-files.ts';
import { bundleToml } from './bundle-toml.ts';
import type { TomlTable, TomlValue } from './toml.ts';
import { isTable } from './toml-fields.ts';
import { writeZip, type ZipEntry } from './zip.ts';

const MiB = 1024 * 1024;
/** Flower's limit (facts section 5). */
export const MAX_BUNDLE_BYTES = 10 * MiB;

/** An app bundle: Flower's FAB. The same tree gives the same bytes. */
export interface Bundle {
  readonly content: Uint8Array;
  /** Lower-case hex. */
  readonly sha256: string;
  /** `<publisher>.<name>.<version>.<8 hex>.fab`. */
  readonly fileName: string;
  /** `publisher/name`. */
  readonly app: string;
  readonly version: string;
  /** All entries but the manifest, in order; sizes in bytes. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
  /** Sentences for a person: what was left out to be safe. */
  readonly warnings: readonly string[];
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export interface BundleOptions {
  /** The releases of Flower whose `flwr build` gives the same bytes; the newest ones where nothing else is known. */
  readonly family?: BundleFamily;
}

/**
 * Bundles the app in `dir`.
 * @throws as {@link readApp} and chooseFiles do; INVALID_ARGUMENT BUNDLE_TOO_LARGE, BUNDLE_HOLDS_SECRET
 */
export async function buildBundle(dir: string, options: BundleOptions = {}): Promise<Bundle> {
  return bundleApp(await readApp(dir), options);
}

/** As {@link buildBundle}, for an app that is read already. */
export async function bundleApp(app: App, { family = NEWEST_FAMILY }: BundleOptions = {}): Promise<Bundle> {
  const rules = FAMILIES[family];
  const { paths, warnings } = await chooseFiles(app, rules);
  const project = { name: 'pyproject.toml', content: Buffer.from(bundleToml(withoutFederations(app.table))) };
  const entries: ZipEntry[] = [project];
  let size = project.content.length;
  for (const path of paths) {
    const content = await readFile(join(app.dir, path));
    checkNoKey(path, content);
    entries.push({ name: path, content });
    size += content.length;
    if (size > 4 * MAX_BUNDLE_BYTES) break;
  }
  const content = writeZip([...entries, { name: '.info/CONTENT', content: manifest(entries, rules) }]);
  if (content.length > MAX_BUNDLE_BYTES) throw tooLarge(entries, content.length);
  return describe(app, content, entries, warnings);
}

function describe(app: App, content: Buffer, entries: readonly ZipEntry[], warnings: readonly string[]): Bundle {
  const hash = sha256(content);
  return {
    content,
    sha256: hash,
    fileName: `${app.publisher}.${app.name}.${app.version.replaceAll('.', '-')}.${hash.slice(0, 8)}.fab`,
    app: app.id,
    version: app.version,
    files: entries.map((entry) => ({ path: entry.name, size: entry.content.length })),
    warnings,
  };
}

function manifest(entries: readonly ZipEntry[], family: FamilyRules): Buffer {
  const lines = entries.map(({ name, content }) => `${name},${sha256(content)},${content.length * 8}`);
  return Buffer.from(family.manifest(lines));
}

/** Flower drops `[tool.flwr.federations]` from what it packs. */
function withoutFederations(table: TomlTable): TomlTable {
  const without = (value: TomlValue | undefined, key: string, change: (value: TomlTable) => TomlTable | undefined) =>
    isTable(value) ? replaceKey(value, key, change) : value;
  const tool = without(table.tool, 'flwr', (flwr) => replaceKey(flwr, 'federations', () => undefined));
  return tool === undefined ? table : { ...table, tool };
}

/** A copy of `table` with the table at `key` changed, or removed where `change` gives undefined; the order stays. */
function replaceKey(table: TomlTable, key: string, change: (value: TomlTable) => TomlTable | undefined): TomlTable {
  const copy: Record<string, TomlValue> = Object.create(null);
  for (const [name, value] of Object.entries(table)) {
    const changed = name === key && isTable(value) ? change(value) : value;
    if (changed !== undefined) copy[name] = changed;
  }
  return copy;
}

/** A private key with its content, in PEM or escaped in JSON; a mere mention of the marker is no key. */
const PRIVATE_KEY =
  /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----(?:\\[rn]|\s)+(?:[A-Za-z0-9-]+: .*(?:\\[rn]|\s)+)*[A-Za-z0-9+/]{32}/;

function checkNoKey(path: string, content: Buffer): void {
  if (!content.includes('PRIVATE KEY-----') || !PRIVATE_KEY.test(content.toString('latin1'))) return;
  throw new AppError(
    'INVALID_ARGUMENT',
    'BUNDLE_HOLDS_SECRET',
    `${path} holds a private key, so the app is not bundled.`,
    {
      hint: 'Move the key elsewhere, or exclude the file with fab-exclude or .gitignore.',
    },
  );
}

function tooLarge(entries: readonly ZipEntry[], size: number): AppError {
  const largest = [...entries].sort((a, b) => b.content.length - a.content.length).slice(0, 5);
  const list = largest.map(({ name, content }) => `${name} (${(content.length / MiB).toFixed(1)} MiB)`).join(', ');
  const text = `The bundle has ${(size / MiB).toFixed(1)} MiB or more; ${MAX_BUNDLE_BYTES / MiB} MiB are allowed. Largest: ${list}.`;
  return new AppError('INVALID_ARGUMENT', 'BUNDLE_TOO_LARGE', text, {
    hint: 'Exclude what the app does not need with fab-exclude in [tool.flwr.app], or .gitignore.',
  });
}
