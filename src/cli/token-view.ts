import { shellWord } from '../core/text.ts';
import type { TokenResult } from './token.ts';

export const TOKEN_FORMATS = ['raw', 'header', 'env', 'json'] as const;
export type TokenFormat = (typeof TOKEN_FORMATS)[number];

/** Ways to write a token for whoever reads it next. */
export const tokenLine: Readonly<Record<Exclude<TokenFormat, 'json'>, (token: string) => string>> = {
  raw: (token) => token,
  header: (token) => `Authorization: Bearer ${token}`,
  env: (token) => `export FEDCTL_TOKEN=${shellWord(token)}`,
};

export function tokenDocument({ token, expiresIn, connection }: TokenResult) {
  return {
    success: true,
    token: token.reveal(),
    'token-type': 'Bearer',
    'expires-in': expiresIn ?? null,
    connection: connection.name,
    address: connection.address,
  };
}
