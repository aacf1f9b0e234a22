import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname } from 'node:path';
import { isAppError } from '../core/errors.ts';
import { removeIfThere, writeAtomically } from './atomic-write.ts';
import { openPrivateDir, type PrivateDir, readPrivateFile } from './private-dir.ts';

/** Ways to log in, by name. */
export const GRANTS = ['device_code', 'code', 'client_credentials', 'password', 'ci'] as const;
export type GrantName = (typeof GRANTS)[number];

/** How somebody logs in at one connection: remembered, so that the next login needs no flag. Never a secret. */
export interface LoginSettings {
  /** Undefined: chosen each time. */
  readonly grant?: GrantName;
  /** Alias of the identity provider. */
  readonly provider?: string;
  readonly scopes?: readonly string[];
  /** Of the code grant; 0 = any that is free. */
  readonly redirectPort?: number;
  /** Issuer that a machine's client belongs to. */
  readonly authority?: string;
  /** Absolute path of a PEM file. */
  readonly authorityCa?: string;
  readonly clientId?: string;
  /** Absolute path. */
  readonly clientSecretFile?: string;
  readonly audience?: string;
  /** Absolute path of a workload's token. */
  readonly tokenFile?: string;
  readonly username?: string;
}

const TYPES = {
  grant: 'string',
  provider: 'string',
  scopes: 'object',
  redirectPort: 'number',
  authority: 'string',
  authorityCa: 'string',
  clientId: 'string',
  clientSecretFile: 'string',
  audience: 'string',
  tokenFile: 'string',
  username: 'string',
} as const satisfies Record<keyof LoginSettings, string>;

/** What the settings belong to. */
export interface SettingsPlace {
  /** `.../.credentials/<name>.json` */
  readonly path: string;
  /** `host:port` of the server. */
  readonly origin: string;
  readonly caPin: string;
}

/**
 * The settings of the last login, of this very folder on this machine and this server; none where anything differs or is
 * wrong. They name files to read and an address to send a secret to, so a folder that came with somebody's project, or
 * an address that was changed since, must not bring its own.
 */
export function readLoginSettings(place: SettingsPlace): LoginSettings {
  try {
    using dir = openPrivateDir(dirname(place.path), { create: false });
    const text = dir && readPrivateFile(dir, nameOf(place));
    if (dir === undefined || text === undefined) return {};
    const { version, folder, host, server, ca, settings } = JSON.parse(text) as Record<string, unknown>;
    const ours = version === 1 && folder === folderId(dir) && host === hostname();
    return ours && server === place.origin && ca === place.caPin ? soundSettings(settings) : {};
  } catch (error) {
    if (isAppError(error) || error instanceof SyntaxError || (error as Error).name === 'SyntaxError') return {};
    if (typeof (error as NodeJS.ErrnoException).syscall === 'string') return {};
    throw error;
  }
}

/** Remembers them, or forgets them where there is nothing to remember. The folder exists: a login has been stored there. */
export function writeLoginSettings(place: SettingsPlace, settings: LoginSettings): void {
  using dir = openPrivateDir(dirname(place.path), { create: false });
  if (dir === undefined) return;
  if (Object.keys(settings).length === 0) {
    removeIfThere(dir, nameOf(place));
    return;
  }
  const { origin: server, caPin: ca } = place;
  const record = { version: 1, folder: folderId(dir), host: hostname(), server, ca, settings };
  writeAtomically(dir, nameOf(place), `${JSON.stringify(record, undefined, 4)}\n`);
}

function nameOf({ path }: SettingsPlace): string {
  return `${basename(path, '.json')}.login.json`;
}

/** Which folder this is: an archive or a checkout can't know the inode that it will get. */
export function folderId(dir: PrivateDir): string {
  const fd = openSync(dir.at('.'), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return String(fstatSync(fd, { bigint: true }).ino);
  } finally {
    closeSync(fd);
  }
}

function soundSettings(value: unknown): LoginSettings {
  if (typeof value !== 'object' || value === null) return {};
  const entries = Object.entries(TYPES).flatMap(([key, type]) => {
    const setting = (value as Record<string, unknown>)[key];
    const sound = type === 'object' ? isTexts(setting) : typeof setting === type;
    return sound ? [[key, setting] as const] : [];
  });
  const settings = Object.fromEntries(entries) as LoginSettings;
  return settings.grant !== undefined && !GRANTS.includes(settings.grant) ? {} : settings;
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
