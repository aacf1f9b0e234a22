import type { LoginStore, StoredLogin } from '../client/login.ts';
import { AppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { readPrivateSecret } from './private-secret.ts';

/** Both name a token that goes before any stored login. */
const NAMES = ['FEDCTL_TOKEN', 'FEDCTL_TOKEN_FILE'] as const;
type TokenVariable = (typeof NAMES)[number];

/** The one that is set. @throws INVALID_ARGUMENT TOKEN_VARIABLE_INVALID where both are */
export function tokenVariable(env: NodeJS.ProcessEnv): TokenVariable | undefined {
  const set = NAMES.filter((name) => env[name]);
  if (set.length < 2) return set[0];
  throw new AppError('INVALID_ARGUMENT', 'TOKEN_VARIABLE_INVALID', `${NAMES.join(' and ')} are both set.`, {
    hint: 'Unset one of them.',
  });
}

/**
 * A login that the environment brings: one token, of a control plane, that is never stored and never renewed. Whether it
 * is still good is for the server to say.
 * @throws as {@link tokenVariable}; FAILED_PRECONDITION SECRET_UNREADABLE, SECRET_FILE_UNSAFE
 */
export function openTokenVariable(
  env: NodeJS.ProcessEnv,
  name: TokenVariable,
): LoginStore & { readonly kind: 'fedctl' } {
  const accessToken = tokenOf(env, name);
  const login: StoredLogin = { accessToken, refreshToken: new Secret(''), expiresInMs: Number.MAX_SAFE_INTEGER };
  return {
    kind: 'fedctl',
    read: async () => login,
    async renew({ usable }) {
      if (usable(login)) return { credentials: login, warning: undefined };
      throw new AppError('UNAUTHENTICATED', 'TOKEN_VARIABLE_EXPIRED', `The token that ${name} brings has expired.`, {
        hint: `Set ${name} to another one, or unset it and run: fedctl login`,
      });
    },
  };
}

function tokenOf(env: NodeJS.ProcessEnv, name: TokenVariable): Secret {
  const value = env[name] ?? '';
  const token = name === 'FEDCTL_TOKEN' ? new Secret(value.trim()) : readPrivateSecret(value, name);
  if (/^[\x21-\x7e]+$/.test(token.reveal())) return token;
  // What stands there is likely a secret all the same: it is not shown.
  throw new AppError('INVALID_ARGUMENT', 'TOKEN_VARIABLE_INVALID', `What ${name} brings is no token.`, {
    hint: 'A token is one word of ASCII characters.',
  });
}
