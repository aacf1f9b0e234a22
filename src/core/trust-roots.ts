import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { AppError } from './errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where Linux distributions and BSDs keep the authorities that their machine trusts, in one file. */
const SYSTEM_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
] as const;

/**
 * The authorities to trust where nothing names others, PEM: those of Node and those of the machine. SSL_CERT_FILE and
 * SSL_CERT_DIR stand for both, as for OpenSSL; NODE_EXTRA_CA_CERTS always comes on top. Takes some 20 ms of a TLS
 * connection's first use: asked for only where one is made.
 * @throws FAILED_PRECONDITION TRUST_STORE_UNREADABLE
 */
export function trustRoots(env: Environment): string[] {
  const extra = env.NODE_EXTRA_CA_CERTS ? certificatesIn(env.NODE_EXTRA_CA_CERTS, 'NODE_EXTRA_CA_CERTS') : [];
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: folder } = env;
  if (!file && !folder) return [...new Set([...tls.rootCertificates, ...systemRoots(), ...extra])];
  const named = file ? certificatesIn(file, 'SSL_CERT_FILE') : [];
  return [...new Set([...named, ...(folder ? certificatesBelow(folder) : []), ...extra])];
}

/** Whom a connection trusts, one PEM text: the roots that it names, else {@link trustRoots}. */
export function trustedBy(rootCertificates: Uint8Array | undefined, env: Environment): Buffer {
  return Buffer.from(rootCertificates ?? trustRoots(env).join('\n'));
}

/** What TLS is checked by: the authorities in `ca` (PEM), else {@link trustRoots}. To be made once for many connections. */
export function trustContext(ca: string | Buffer | undefined, env: Environment): tls.SecureContext {
  return tls.createSecureContext({ ca: ca ?? trustRoots(env), minVersion: 'TLSv1.2' });
}

function systemRoots(): string[] {
  const file = SYSTEM_FILES.find((name) => existsSync(name));
  if (file !== undefined) return certificatesIn(file, 'The trust store of this machine');
  // macOS and Windows keep them elsewhere; Node reads those from 22.15 on.
  const { getCACertificates } = tls as { getCACertificates?: typeof tls.getCACertificates };
  return getCACertificates?.('system') ?? [];
}

function certificatesIn(path: string, source: string): string[] {
  try {
    return pemBlocks(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw unreadable(source, path, cause);
  }
}

function certificatesBelow(folders: string): string[] {
  return folders.split(':').flatMap((folder) => {
    try {
      const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => !entry.isDirectory());
      return names.flatMap(({ name }) => pemBlocks(readFileSync(join(folder, name), 'utf8')));
    } catch (cause) {
      throw unreadable('SSL_CERT_DIR', folder, cause);
    }
  });
}

function pemBlocks(text: string): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => block.replaceAll('\r', ''));
}

function unreadable(source: string, path: string, cause: unknown): AppError {
  return new AppError('FAILED_PRECONDITION', 'TRUST_STORE_UNREADABLE', `${source}: ${path} can't be read.`, {
    hint: 'Correct or unset it, or set root-certificates of the connection.',
    cause,
  });
}
