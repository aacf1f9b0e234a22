import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../src/core/errors.ts';
import { Secret } from '../../src/core/secret.ts';
import type { AgentLabel, KeyAgent } from '../../src/credentials/key-agent.ts';
import type { KeyringEntry, OpenKeyring } from '../../src/credentials/keyring.ts';
import type { KeySources } from '../../src/credentials/keys.ts';
import type { NewTokens } from '../../src/credentials/types.ts';

/** A pair as a control plane gives it, told apart by `mark`. */
export function tokensOf(
  mark: string,
  { session = 's1', account = 'alice', refresh = `refresh-${mark}` } = {},
): NewTokens {
  const claims = { iss: 'https://i', sid: session, mark, exp: 4_000_000_000 };
  return {
    accessToken: new Secret(`e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`),
    refreshToken: new Secret(refresh),
    expiresIn: 600,
    sessionId: session,
    account,
  };
}

/** A keyring that can be locked, taken away, and robbed of its secrets. */
export function memoryKeyring() {
  const secrets = new Map<string, Buffer>();
  const state = { isLocked: false };
  const open: OpenKeyring = async (service, account) => {
    const id = `${service} ${account}`;
    const entry: KeyringEntry = {
      async getSecret() {
        if (state.isLocked) throw new Error('unlock prompt was dismissed');
        return secrets.get(id) ?? null;
      },
      async setSecret(secret) {
        if (state.isLocked) throw new Error('unlock prompt was dismissed');
        secrets.set(id, Buffer.from(secret));
      },
      deleteCredential: async () => secrets.delete(id),
    };
    return entry;
  };
  return { open, secrets, state };
}

/** An agent in this process; what it is asked can be seen. */
export function memoryAgent() {
  const keys = new Map<string, Buffer>();
  const texts = new Map<string, string>();
  const labels: AgentLabel[] = [];
  const state = { isLocked: false };
  const refuse = () => {
    if (state.isLocked) throw new AppError('FAILED_PRECONDITION', 'AGENT_LOCKED', 'The agent is locked.');
  };
  const agent: KeyAgent = {
    key: async (id) => (state.isLocked ? undefined : keys.get(id)),
    async putKey(id, key, label) {
      keys.set(id, Buffer.from(key));
      labels.push(label);
    },
    async tokens(id) {
      refuse();
      const text = texts.get(id);
      return text === undefined ? undefined : new Secret(text);
    },
    async putTokens(id, text, label) {
      refuse();
      texts.set(id, text.reveal());
      labels.push(label);
    },
    removeTokens: async (id) => texts.delete(id),
    removeKey: async (id) => keys.delete(id),
  };
  return { agent, keys, texts, labels, state };
}

/** Sources of keys for one "process": each call of this has learned nothing yet. */
export function sourcesWith(parts: {
  keyring?: OpenKeyring;
  agent?: KeyAgent;
  passphrase?: KeySources['passphrase'];
}): () => Promise<KeySources> {
  const sources: KeySources = {
    agent: async () => parts.agent,
    keyring: parts.keyring ?? memoryKeyring().open,
    passphrase:
      parts.passphrase ??
      (async () => {
        throw new AppError('UNAUTHENTICATED', 'PASSPHRASE_NEEDED', 'Nobody is here.');
      }),
    known: new Map(),
    // Enough to be a key, and quick.
    cost: { n: 2 ** 14, r: 8, p: 1 },
  };
  return async () => sources;
}

/** A folder with the path of one connection's login in it. */
export async function loginFolder(): Promise<{ dir: string; path: string; remove: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), `login-${randomBytes(3).toString('hex')}-`));
  const path = join(dir, '.flwr', '.credentials', 'lab.json');
  return { dir, path, remove: () => rm(dir, { recursive: true, force: true }) };
}
