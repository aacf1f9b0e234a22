import { generateKeyPairSync } from 'node:crypto';

const NAMES = { 'P-256': 'nistp256', 'P-384': 'nistp384', 'P-521': 'nistp521' } as const;

export interface SshKey {
  /** As `ssh-keygen` writes KEY.pub (RFC 5656 section 3.1). */
  readonly line: string;
  /** The same key as PEM, SubjectPublicKeyInfo. */
  readonly pem: string;
  readonly privatePem: string;
}

/** A new key on a NIST curve. */
export function newSshKey(curve: keyof typeof NAMES): SshKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: curve });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const name = NAMES[curve];
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const fields = [Buffer.from(`ecdsa-sha2-${name}`), Buffer.from(name), point];
  const blob = fields.flatMap((field) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    return [length, field];
  });
  return {
    line: `ecdsa-sha2-${name} ${Buffer.concat(blob).toString('base64')} somebody@somewhere\n`,
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privatePem: privateKey.export({ type: 'sec1', format: 'pem' }).toString(),
  };
}
