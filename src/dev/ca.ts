import { webcrypto, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

/** Paths of PEM files; the certificate authority's path stays the same for the life of the state folder. */
export interface DevCertificates {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY = 24 * 60 * 60 * 1000;
const CA_DAYS = 3650;
/** Browsers take no server certificate that lives longer than 398 days. */
const LEAF_DAYS = 397;
const RENEW_BEFORE_DAYS = 30;

/**
 * The certificates of one state folder: an authority of its own and a server certificate for 127.0.0.1, ::1 and localhost,
 * made at the first call, the latter renewed when it has less than 30 days left. Keys are PKCS #8 PEM, mode 0600.
 */
export async function prepareCertificates(options: { folder: string; now: number }): Promise<DevCertificates> {
  const { folder, now } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const paths = {
    ca: join(folder, 'ca.pem'),
    certificate: join(folder, 'server.pem'),
    key: join(folder, 'server.key'),
  };
  const caKey = join(folder, 'ca.key');
  if (!isValid(paths.ca, now) || read(caKey) === undefined) await makeAuthority(paths.ca, caKey, now);
  if (!isValid(paths.certificate, now, paths.ca) || read(paths.key) === undefined) await makeLeaf(paths, caKey, now);
  return paths;
}

async function makeAuthority(certificateFile: string, keyFile: string, now: number): Promise<void> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: 'CN=fedctl dev authority',
    notBefore: new Date(now - DAY),
    notAfter: new Date(now + CA_DAYS * DAY),
    keys,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  save(keyFile, await privatePem(keys.privateKey), 0o600);
  save(certificateFile, certificate.toString('pem'), 0o644);
}

async function makeLeaf(paths: DevCertificates, caKeyFile: string, now: number): Promise<void> {
  const authority = new x509.X509Certificate(readFileSync(paths.ca, 'utf8'));
  const signingKey = await importPrivate(readFileSync(caKeyFile, 'utf8'));
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: 'CN=localhost',
    issuer: authority.subject,
    notBefore: new Date(now - DAY),
    notAfter: new Date(Math.min(now + LEAF_DAYS * DAY, authority.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  save(paths.key, await privatePem(keys.privateKey), 0o600);
  save(paths.certificate, certificate.toString('pem'), 0o644);
}

/** True where the certificate has 30 days left and, for a leaf, was signed by `caFile`. */
function isValid(file: string, now: number, caFile?: string): boolean {
  const pem = read(file);
  if (pem === undefined) return false;
  try {
    const certificate = new X509Certificate(pem);
    const signed = caFile === undefined || certificate.verify(new X509Certificate(readFileSync(caFile)).publicKey);
    return signed && certificate.validToDate.getTime() - now > RENEW_BEFORE_DAYS * DAY;
  } catch {
    return false;
  }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

/** 128 random bits, positive and without a leading zero byte (RFC 5280, 4.1.2.2). */
function newSerial(): string {
  return `40${Buffer.from(webcrypto.getRandomValues(new Uint8Array(15))).toString('hex')}`;
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

function importPrivate(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(pem);
  return webcrypto.subtle.importKey('pkcs8', der as ArrayBuffer, EC, false, ['sign']);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function save(file: string, text: string, mode: number): void {
  writeFileSync(`${file}.new`, `${text.trimEnd()}\n`, { mode });
  renameSync(`${file}.new`, file);
}
