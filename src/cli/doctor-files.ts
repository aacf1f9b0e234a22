import { readFile, stat } from 'node:fs/promises';
import type { CredentialFile } from '../credentials/types.ts';
import type { Connection } from '../project/connections.ts';
import { loadRootCertificates } from '../project/connections.ts';
import type { Context } from './context.ts';
import { type Finding, failed, ok, warn } from './finding.ts';
import { openActiveLogin } from './login-store.ts';

export interface LoginSeen {
  readonly findings: readonly Finding[];
  /** Whose login it is; empty where nobody knows. */
  readonly account: string;
}

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

/** The authority that the connection trusts: readable, not for others to change, and which one it is. */
export async function checkAuthority({ rootCertificates }: Connection, now: number): Promise<Finding[]> {
  if (rootCertificates === undefined) return [];
  try {
    const { mode } = await stat(rootCertificates);
    const { X509Certificate } = await import('node:crypto');
    const certificate = new X509Certificate(await readFile(rootCertificates));
    const { subject, validTo, fingerprint256 } = certificate;
    const text = `${subject.replaceAll('\n', ', ')}, SHA-256 ${fingerprint256}, in ${rootCertificates}`;
    if ((mode & (GROUP_WRITABLE | WORLD_WRITABLE)) !== 0) {
      const hint = `Whoever changes it chooses whom you trust. Run: chmod go-w ${rootCertificates}`;
      return [warn('authority', `others can change ${rootCertificates}`, hint)];
    }
    if (Date.parse(validTo) < now) {
      return [warn('authority', `has expired: ${text}`, "Get the current CA file from the server's operator.")];
    }
    return [ok('authority', text)];
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' ? 'is not there' : 'holds no certificate that can be read';
    const hint = "Get the CA file from the server's operator and put it where root-certificates points.";
    return [{ name: 'authority', state: 'fail', text: `${rootCertificates} ${why}`, hint }];
  }
}

/**
 * The stored login: there, ours, private, undamaged, and not about to be committed.
 * @param wantsLogin false where the server takes everybody; undefined where that is not known
 */
export async function checkCredentials(
  { env }: Pick<Context, 'env'>,
  connection: Connection,
  wantsLogin: boolean | undefined,
): Promise<LoginSeen> {
  const only = (finding: Finding): LoginSeen => ({ findings: [finding], account: '' });
  if (wantsLogin === false) return only(ok('login', 'none needed: whoever reaches this SuperLink may use it'));
  if (connection.insecure) return only(ok('login', 'none: logins need TLS'));
  try {
    const { store, path } = await openActiveLogin({ env }, connection, await loadRootCertificates(connection));
    if (path === '') return only(ok('login', 'the token of FEDCTL_TOKEN or FEDCTL_TOKEN_FILE; nothing is stored'));
    return await checkStored(store as CredentialFile);
  } catch (error) {
    return only(failed('login', error));
  }
}

async function checkStored(store: CredentialFile): Promise<LoginSeen> {
  const login = await store.read();
  if (login === undefined) {
    return { findings: [warn('login', 'you are not logged in', 'Run: fedctl login')], account: '' };
  }
  const warnings = await store.prepare();
  const whose = login.account === '' ? '' : ` for ${login.account}`;
  const good = ok('login', `stored in ${store.path}${whose}, private; storage: ${login.storage}`);
  const hint = 'Install git, or see to it yourself that it is never committed.';
  return { findings: [good, ...warnings.map((text) => warn('login', text, hint))], account: login.account };
}
