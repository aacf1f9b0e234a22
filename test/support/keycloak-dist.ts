import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitForLock } from '../../src/dev/lock.ts';
import { cacheFolder } from '../../src/dev/tools/cache.ts';
import { findOnPath, lastLine, runCommand } from '../../src/dev/tools/command.ts';

export const KEYCLOAK_VERSION = '26.7.3';

/** What the server is built for once, and then started with `--optimized`. */
export const BUILD_OPTIONS = ['--db=dev-file'];

export interface KeycloakDist {
  /** Folder with `bin/kc.sh`. */
  readonly home: string;
  /** It has been built with {@link BUILD_OPTIONS}. */
  readonly isBuilt: boolean;
}

export interface FindKeycloak {
  readonly env: NodeJS.ProcessEnv;
  readonly progress: (line: string) => void;
}

/**
 * Keycloak's server distribution: KEYCLOAK_HOME, the per-user cache, or fetched from Maven Central into it and built there.
 * Needs Java 17 or newer; for fetching also `mvn` and `unzip`.
 * @throws Error that names the choices
 */
export async function findKeycloak({ env, progress }: FindKeycloak): Promise<KeycloakDist> {
  if (!findOnPath('java', env)) throw missing('Java 17 or newer is not on PATH');
  if (env.KEYCLOAK_HOME) {
    const home = env.KEYCLOAK_HOME;
    if (!existsSync(join(home, 'bin/kc.sh'))) throw missing(`KEYCLOAK_HOME is ${home}, where there is no bin/kc.sh`);
    return { home, isBuilt: false };
  }
  const folder = join(cacheFolder(env), 'keycloak');
  const home = join(folder, KEYCLOAK_VERSION);
  if (existsSync(markerOf(home))) return { home, isBuilt: true };
  mkdirSync(folder, { recursive: true });
  const lock = await waitForLock(join(folder, `${KEYCLOAK_VERSION}.lock`), () =>
    progress('Another run is fetching Keycloak; waiting for it'),
  );
  try {
    if (!existsSync(markerOf(home))) await install(folder, home, { env, progress });
    return { home, isBuilt: true };
  } finally {
    lock.release();
  }
}

async function install(folder: string, home: string, { env, progress }: FindKeycloak): Promise<void> {
  const work = mkdtempSync(join(folder, 'fetch-'));
  const run = async (what: string, command: string, args: readonly string[]): Promise<void> => {
    progress(what);
    const { ok, output } = await runCommand(command, args, { env, cwd: work });
    if (!ok) throw missing(`${command} failed: ${lastLine(output)}`);
  };
  try {
    await run(`Fetching Keycloak ${KEYCLOAK_VERSION} with Maven, 180 MB`, 'mvn', [
      '-q',
      '-B',
      'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy',
      `-Dartifact=org.keycloak:keycloak-quarkus-dist:${KEYCLOAK_VERSION}:zip`,
      `-DoutputDirectory=${work}`,
      '-Dmdep.useBaseVersion=true',
      // A repository of its own: the copy in the usual one would only take another 180 MB.
      `-Dmaven.repo.local=${join(work, 'm2')}`,
    ]);
    await run('Unpacking it', 'unzip', ['-q', `keycloak-quarkus-dist-${KEYCLOAK_VERSION}.zip`]);
    const unpacked = join(work, `keycloak-${KEYCLOAK_VERSION}`);
    await run('Building it for these tests, half a minute', join(unpacked, 'bin/kc.sh'), ['build', ...BUILD_OPTIONS]);
    rmSync(home, { recursive: true, force: true });
    renameSync(unpacked, home);
    writeFileSync(markerOf(home), '');
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function markerOf(home: string): string {
  return join(home, 'fedctl-complete');
}

function missing(why: string): Error {
  return new Error(
    `There is no Keycloak ${KEYCLOAK_VERSION} to test with: ${why}. ` +
      'Unpack its distribution and name the folder with KEYCLOAK_HOME, or give access to Maven Central (java, mvn, unzip).',
  );
}
