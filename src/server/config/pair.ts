import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AppError } from '../../core/errors.ts';

/** A certificate chain and its key that fit together, PEM, as TLS takes them. */
export interface CertificatePair {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** End of the leaf certificate, epoch ms. */
  readonly notAfter: number;
  /** SHA-256 of the leaf, to tell pairs apart. */
  readonly fingerprint: string;
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Reads and checks a pair: both are PEM, the key is that of the first certificate, which is in force at `now` (epoch ms).
 * @throws FAILED_PRECONDITION CERTIFICATE_UNUSABLE with a public sentence
 */
export async function readPair(source: { certFile: string; keyFile: string; now: number }): Promise<CertificatePair> {
  const [cert, key] = await Promise.all([readPem(source.certFile), readPem(source.keyFile)]);
  const leaf = leafCertificate(cert, source.certFile);
  if (!leaf.checkPrivateKey(privateKey(key, source.keyFile))) {
    throw unusable(`The key in ${source.keyFile} does not belong to the certificate in ${source.certFile}.`);
  }
  const notAfter = Date.parse(leaf.validTo);
  if (notAfter <= source.now) throw unusable(`The certificate in ${source.certFile} expired on ${leaf.validTo}.`);
  if (Date.parse(leaf.validFrom) > source.now + 60_000) {
    throw unusable(`The certificate in ${source.certFile} is not valid before ${leaf.validFrom}.`);
  }
  return { cert, key, notAfter, fingerprint: leaf.fingerprint256 };
}

function leafCertificate(pem: Buffer, file: string): X509Certificate {
  const chain = pem.toString('latin1').match(PEM_CERTIFICATE) ?? [];
  try {
    const [leaf] = chain.map((one) => new X509Certificate(one));
    if (leaf) return leaf;
  } catch (error) {
    throw unusable(`The certificate in ${file} can't be read.`, error);
  }
  throw unusable(`There is no PEM certificate in ${file}.`);
}

function privateKey(pem: Buffer, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw unusable(`There is no unencrypted PEM private key in ${file}.`, error);
  }
}

async function readPem(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw unusable(`Can't read ${file}: ${(error as NodeJS.ErrnoException).code}.`, error);
  }
}

function unusable(message: string, cause?: unknown): AppError {
  return new AppError('FAILED_PRECONDITION', 'CERTIFICATE_UNUSABLE', message, { cause });
}
