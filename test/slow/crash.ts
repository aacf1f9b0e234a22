import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Secret } from '../../src/core/secret.ts';
import { openKeyAgent } from '../../src/credentials/agent-client.ts';
import type { KeyringEntry, OpenKeyring } from '../../src/credentials/keyring.ts';
import type { StorageKind } from '../../src/credentials/records.ts';
import type { CredentialOptions, NewTokens } from '../../src/credentials/types.ts';

/** Where a login is kept, as a value that another process can be told. */
export interface Scene {
  /** Of the credential file. */
  readonly path: string;
  readonly storage: StorageKind;
  /** Socket of the agent. */
  readonly agent: string;
  /** Prefix of the files that play the keyring. */
  readonly keyring: string;
}

export interface CrashTask extends Scene {
  readonly action: 'write' | 'beside' | 'renew' | 'switch' | 'remove';
  /** 0 = none. */
  readonly step: number;
}

/** Tokens that tell themselves apart by `mark`. */
export function pair(mark: string, session: string, account: string): NewTokens {
  const claims = Buffer.from(JSON.stringify({ iss: 'https://i', sid: session, mark })).toString('base64url');
  return {
    accessToken: new Secret(`e30.${claims}.sig`),
    refreshToken: new Secret(`refresh-${mark}`),
    expiresIn: 600,
    sessionId: session,
    account,
  };
}

/** The keyring of the operating system, as far as files can play it. `onChange` is told before each change. */
export function fileKeyring(prefix: string, onChange: () => void = () => {}): OpenKeyring {
  return async (_service, account): Promise<KeyringEntry> => {
    const file = `${prefix}-${Buffer.from(account).toString('hex').slice(-24)}`;
    return {
      getSecret: async () => {
        try {
          return new Uint8Array(readFileSync(file));
        } catch {
          return null;
        }
      },
      setSecret: async (key) => {
        onChange();
        writeFileSync(file, key, { mode: 0o600 });
      },
      deleteCredential: async () => {
        onChange();
        rmSync(file, { force: true });
        return true;
      },
    };
  };
}

/** How a process opens the login of a scene. */
export function optionsOf({ path, agent, keyring }: Scene, onStep?: () => void): CredentialOptions {
  const held = openKeyAgent(agent);
  const known = new Map();
  return {
    path,
    origin: 'host:9093',
    caPin: 'system',
    keys: async () => ({
      agent: async () => held,
      keyring: fileKeyring(keyring, onStep),
      passphrase: async () => new Secret('correct horse battery'),
      known,
    }),
    ...(onStep && { onStep }),
  };
}
