import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { AppError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import { readPair } from './pair.ts';
import type { Problem } from './problems.ts';
import type { ServerConfig } from './types.ts';

/** Readable or writable by everybody, or writable by the group. A group may read: so do mounted secrets. */
const TOO_OPEN = 0o027;
const MAX_SECRET_BYTES = 64 * 1024;

/** What is wrong with the files that the configuration names: absent, unreadable, secrets open to others, a bad certificate. */
export async function unusableFiles(config: ServerConfig): Promise<readonly Problem[]> {
  const secrets = secretFiles(config).map(([path, file]) => checkSecretFile(path, file));
  const plain = plainFiles(config).map(([path, file]) => checkReadable(path, file));
  const problems = (await Promise.all([...secrets, ...plain])).flat();
  return problems.length > 0 ? problems : checkPair(config);
}

type Named = readonly [path: string, file: string];

function secretFiles({ server, secrets, oidc, trust, openfga, metrics }: ServerConfig): readonly Named[] {
  return named([
    ['server.tls-key', server.plaintext ? undefined : server.tlsKey],
    ['secrets.master-key-file', secrets.masterKeyFile],
    ...oidc.map((one, index) => [`oidc[${index}].client-secret-file`, one.clientSecretFile] as const),
    ...trust.map((one, index) => [`trust[${index}].client-secret-file`, one.clientSecretFile] as const),
    ...trust.map((one, index) => [`trust[${index}].proxy-login-file`, one.proxyLoginFile] as const),
    ...oidc.map((one, index) => [`oidc[${index}].proxy-login-file`, one.proxyLoginFile] as const),
    ['openfga.api-token-file', openfga.apiTokenFile],
    ['openfga.proxy-login-file', openfga.proxyLoginFile],
    ['metrics.token-file', metrics.tokenFile],
  ]);
}

function plainFiles({ server, oidc, trust, openfga, engine }: ServerConfig): readonly Named[] {
  return named([
    ['server.tls-cert', server.plaintext ? undefined : server.tlsCert],
    ...oidc.map((one, index) => [`oidc[${index}].ca`, one.ca] as const),
    ...trust.map((one, index) => [`trust[${index}].ca`, one.ca] as const),
    ['openfga.ca', openfga.ca],
    ...engine.map((one, index) => [engine.length === 1 ? 'engine.ca' : `engine[${index}].ca`, one.ca] as const),
  ]);
}

function named(pairs: readonly (readonly [string, string | undefined])[]): readonly Named[] {
  return pairs.filter((pair): pair is Named => pair[1] !== undefined);
}

async function checkSecretFile(path: string, file: string): Promise<readonly Problem[]> {
  const problems = await checkReadable(path, file);
  if (problems.length > 0) return problems;
  return ((await stat(file)).mode & TOO_OPEN) === 0
    ? []
    : [
        {
          path,
          problem: `names ${file}, which others can read or change: chmod 600 it (or 0440 for a mounted secret)`,
        },
      ];
}

async function checkReadable(path: string, file: string): Promise<readonly Problem[]> {
  try {
    await access(file, constants.R_OK);
    if ((await stat(file)).isFile()) return [];
    return [{ path, problem: `names ${file}, which is no file` }];
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return [{ path, problem: `names ${file}, which ${absent ? 'does not exist' : 'this user may not read'}` }];
  }
}

async function checkPair({ server }: ServerConfig): Promise<readonly Problem[]> {
  if (server.plaintext || !server.tlsCert || !server.tlsKey) return [];
  try {
    await readPair({ certFile: server.tlsCert, keyFile: server.tlsKey, now: Date.now() });
    return [];
  } catch (error) {
    return [{ path: 'server.tls-cert', problem: `can't be used: ${(error as Error).message.replace(/\.$/, '')}` }];
  }
}

/**
 * What stands in a secret file, without the line feed at its end.
 * @throws FAILED_PRECONDITION SECRET_FILE_UNUSABLE: absent, unreadable, empty, above 64 KiB, or open to others
 */
export async function readSecretFile(file: string): Promise<Secret> {
  const { mode, size } = await stat(file).catch((error) => {
    throw refuse(file, 'it does not exist or may not be read', error);
  });
  if ((mode & TOO_OPEN) !== 0) throw refuse(file, 'others can read or change it');
  if (size > MAX_SECRET_BYTES) throw refuse(file, 'it is larger than 64 KiB');
  const text = await readFile(file, 'utf8').catch((error) => {
    throw refuse(file, 'it may not be read', error);
  });
  if (text.trim() === '') throw refuse(file, 'it is empty');
  return new Secret(text.replace(/\r?\n$/, ''));
}

function refuse(file: string, why: string, cause?: unknown): AppError {
  return new AppError('FAILED_PRECONDITION', 'SECRET_FILE_UNUSABLE', `Can't use the secret file ${file}: ${why}.`, {
    cause,
  });
}
