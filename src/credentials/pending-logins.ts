import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname } from 'node:path';
import { Secret } from '../core/secret.ts';
import { removeIfThere, writeAtomically } from './atomic-write.ts';
import { folderId, type LoginSettings, type SettingsPlace } from './login-settings.ts';
import { openPrivateDir, type PrivateDir, readPrivateFile } from './private-dir.ts';

/** A login that was started and goes on later. Whoever has the handle gets the tokens, so it is stored, never shown. */
export interface PendingRecord {
  readonly handle: Secret;
  readonly userCode: string;
  readonly verificationUri: string;
  readonly verificationUriComplete: string;
  readonly provider: string;
  /** Seconds between polls. */
  readonly interval: number;
  /** Epoch ms. */
  readonly expiresAt: number;
  readonly settings: LoginSettings;
}

const ID = /^[0-9a-f]{8}$/;

/** True for text that may be the id of a pending login. */
export function isPendingId(text: string): boolean {
  return ID.test(text) || text === 'latest';
}

/** Stores it; the folder exists. @returns its id */
export function savePending(place: SettingsPlace, record: PendingRecord): string {
  using dir = openPrivateDir(dirname(place.path), { create: true, tightenTo: 0o700 }) as PrivateDir;
  const id = randomBytes(4).toString('hex');
  const binding = { version: 1, folder: folderId(dir), host: hostname(), server: place.origin, ca: place.caPin };
  const text = JSON.stringify({ ...binding, ...record, handle: record.handle.reveal() }, undefined, 4);
  writeAtomically(dir, fileOf(place, id), `${text}\n`);
  return id;
}

/** Removes the pending logins of a connection whose time is over, of whatever server. That it can't is no failure. */
export function sweepPending(path: string, now: number): void {
  try {
    using dir = openPrivateDir(dirname(path), { create: false });
    if (dir === undefined) return;
    for (const name of pendingNames(path, dir)) if (isOver(dir, name, now)) removeIfThere(dir, name);
  } catch {
    // What is wrong with the folder is told by whoever stores a login in it.
  }
}

function isOver(dir: PrivateDir, name: string, now: number): boolean {
  try {
    const { expiresAt } = JSON.parse(readPrivateFile(dir, name) ?? '') as { readonly expiresAt?: unknown };
    return typeof expiresAt === 'number' && expiresAt <= now;
  } catch {
    return false;
  }
}

function pendingNames(path: string, dir: PrivateDir): string[] {
  const prefix = pendingPrefix(path);
  return readdirSync(dir.at('.')).filter(
    (name) => name.startsWith(prefix) && name.endsWith('.json') && ID.test(name.slice(prefix.length, -5)),
  );
}

/** The pending login `id`, or the one that ends last for "latest". Undefined where there is none of this server. Sweeps those that are over. */
export function readPending(
  place: SettingsPlace,
  id: string,
  now: number,
): { readonly id: string; readonly record: PendingRecord } | undefined {
  using dir = openPrivateDir(dirname(place.path), { create: false });
  if (dir === undefined) return undefined;
  const { length } = pendingPrefix(place.path);
  const found = pendingNames(place.path, dir)
    .flatMap((name) => {
      const record = parse(readPrivateFile(dir, name), place, dir);
      if (record !== undefined && record.expiresAt > now) return [{ id: name.slice(length, -5), record }];
      if (record !== undefined) removeIfThere(dir, name);
      return [];
    })
    .sort((a, b) => b.record.expiresAt - a.record.expiresAt);
  return id === 'latest' ? found[0] : found.find((one) => one.id === id);
}

export function removePending(place: SettingsPlace, id: string): void {
  using dir = openPrivateDir(dirname(place.path), { create: false });
  if (dir !== undefined) removeIfThere(dir, fileOf(place, id));
}

function fileOf({ path }: SettingsPlace, id: string): string {
  return `${pendingPrefix(path)}${id}.json`;
}

function pendingPrefix(path: string): string {
  return `${basename(path, '.json')}.pending-`;
}

function parse(text: string | undefined, place: SettingsPlace, dir: PrivateDir): PendingRecord | undefined {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text ?? '') as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { version, folder, host, server, ca, handle, expiresAt, interval } = value;
  const ours = version === 1 && folder === folderId(dir) && host === hostname();
  const sound = typeof handle === 'string' && typeof expiresAt === 'number' && typeof interval === 'number';
  if (!ours || !sound || server !== place.origin || ca !== place.caPin) return undefined;
  return { ...(value as unknown as PendingRecord), handle: new Secret(handle) };
}
