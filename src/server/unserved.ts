import { AppError } from '../core/errors.ts';
import type { LoginPages, TokenExchange } from '../core/services.ts';

/** Stands in for a port that nothing serves yet. */
function unserved(): never {
  throw new AppError('UNIMPLEMENTED', 'NOT_SERVED', 'This server does not do that.');
}

export const unservedPages: LoginPages = {
  page: async () => unserved(),
  confirm: async () => unserved(),
  deny: async () => unserved(),
  callback: async () => unserved(),
};

export const unservedExchange: TokenExchange = {
  exchange: async () => unserved(),
  providerToken: async () => unserved(),
};
