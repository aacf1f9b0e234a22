import { stat } from 'node:fs/promises';
import type { Connection } from '../project/connections.ts';
import { loadRootCertificates } from '../project/connections.ts';
import { type Finding, failed, ok, warn } from './finding.ts';
import { openLoginStore } from './login-store.ts';

const GROUP_WRITABLE = 0o020;
const WORLD_WRITABLE = 0o002;

/** Whoever can write the project folder can swap its credentials folder. */
export async function checkFolder({ projectDir }: Connection): Promise<Finding[]> {
  if (projectDir === undefined) return [];
  const { mode } = await stat(projectDir);
  if ((mode & (GROUP_WRITABLE | WORLD_WRITABLE)) === 0) return [ok('project', `${projectDir}: only you can write it`)];
  const who = mode & WORLD_WRITABLE ? 'everybody' : 'your group';
  return [warn('project', `${projectDir}: ${who} can write it`, `Run: chmod go-w ${projectDir}`)];
}

/**
 * The stored login: there, ours, private, undamaged, and not about to be committed.
 * @param wantsLogin false where the server takes everybody; undefined where that is not known
 */
export async function checkCredentials(connection: Connection, wantsLogin: boolean | undefined): Promise<Finding[]> {
  if (wantsLogin === false) return [ok('login', 'none needed: whoever reaches this SuperLink may use it')];
  if (connection.insecure) return [ok('login', 'none: logins need TLS')];
  try {
    const store = openLoginStore({ env: process.env }, connection, await loadRootCertificates(connection));
    const login = await store.read();
    if (login === undefined) return [warn('login', 'you are not logged in', 'Run: fedctl login')];
    const warnings = await store.prepare();
    const whose = login.account === '' ? '' : ` for ${login.account}`;
    const good = ok('login', `stored in ${store.path}${whose}, private`);
    return [
      good,
      ...warnings.map((text) => warn('login', text, 'Install git, or see to it yourself that it is never committed.')),
    ];
  } catch (error) {
    return [failed('login', error)];
  }
}
