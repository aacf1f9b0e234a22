import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, isAppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { parseTokens, type TokenPair } from '../credentials/records.ts';
import { type Connection, flowerHome } from '../project/connections.ts';

const MiB = 1024 * 1024;

/** A login that flwr has stored. */
export interface FlwrLogin extends TokenPair {
  readonly file: string;
  /** The file says which address it is for: flwr 1.26 and later. Files of projects, of releases before, don't. */
  readonly isBound: boolean;
}

export interface FlwrLogins {
  readonly logins: readonly FlwrLogin[];
  /** Where was looked. */
  readonly files: readonly string[];
  /** Addresses that flwr has logins for. */
  readonly others: readonly string[];
}

/**
 * What flwr of either generation has stored for a connection, the newer generation first (facts section 3). Only reads.
 * @throws FAILED_PRECONDITION FLWR_STORE_UNREADABLE
 */
export async function findFlwrLogins(
  { address, projectDir, name }: Connection,
  env: NodeJS.ProcessEnv,
): Promise<FlwrLogins> {
  const home = join(flowerHome(env), 'credentials.yaml');
  const store = flatYaml((await readText(home)) ?? '');
  const bound = tokensFor(store, address, home);
  const project = projectDir === undefined ? undefined : join(projectDir, '.flwr/.credentials', `${name}.json`);
  const unbound = project === undefined ? undefined : await projectTokens(project);
  return {
    logins: [bound, unbound].filter((login) => login !== undefined),
    files: [home, ...(project === undefined ? [] : [project])],
    others: addressesIn(store).filter((other) => other !== address),
  };
}

const PREFIX = 'flower.account-auth.';

function tokensFor(store: ReadonlyMap<string, string>, address: string, file: string): FlwrLogin | undefined {
  const value = (key: string) => Buffer.from(store.get(`${PREFIX}${address}.${key}`) ?? '', 'base64').toString('utf8');
  const [access, refresh] = [value('oidc-access-token'), value('oidc-refresh-token')];
  const isWhole = value('authn-type') === 'oidc' && [access, refresh].every((token) => /^[\x21-\x7e]+$/.test(token));
  if (!isWhole) return undefined;
  return { accessToken: new Secret(access), refreshToken: new Secret(refresh), file, isBound: true };
}

function addressesIn(store: ReadonlyMap<string, string>): string[] {
  const found = [...store.keys()].map((key) => /^flower\.account-auth\.(.+)\.oidc-access-token$/.exec(key)?.[1]);
  return found.filter((address) => address !== undefined);
}

async function projectTokens(file: string): Promise<FlwrLogin | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  try {
    return { ...parseTokens(text, file), file, isBound: false };
  } catch (error) {
    if (!isAppError(error)) throw error;
    // Another kind of login, or a file that flwr was killed over: none that could be taken.
    return undefined;
  }
}

/**
 * The pairs of a YAML mapping of scalars without structure, as `yaml.safe_dump` writes one: `key: value`, either quoted
 * where it must be, or `? key` and `: value` where the key is long. What is anything else is left out.
 */
export function flatYaml(text: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  let long: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const value = /^: (.*)$/.exec(line)?.[1];
    if (long !== undefined && value !== undefined) pairs.set(long, scalarOf(value));
    long = line.startsWith('? ') ? scalarOf(line.slice(2)) : undefined;
    const pair = /^('(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|[^\s'"#?:&*!|>%@`{}[\],-][^#]*?): +(.*)$/.exec(line);
    if (pair) pairs.set(scalarOf(pair[1] as string), scalarOf(pair[2] as string));
  }
  return pairs;
}

function scalarOf(raw: string): string {
  const text = raw.trim();
  if (/^'.*'$/.test(text)) return text.slice(1, -1).replaceAll("''", "'");
  if (!/^".*"$/.test(text)) return text;
  try {
    return String(JSON.parse(text));
  } catch {
    return '';
  }
}

/** @returns undefined where there is no file */
async function readText(file: string): Promise<string | undefined> {
  try {
    await using handle = await open(file, 'r');
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MiB), 0, MiB, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const text = `${file}, where flwr keeps logins, can't be read (${code}).`;
    throw new AppError('FAILED_PRECONDITION', 'FLWR_STORE_UNREADABLE', text, { cause: error });
  }
}
