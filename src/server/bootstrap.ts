import type { Grants } from '../core/access.ts';
import { isAppError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { SYSTEM_OBJECT, userPrincipal } from '../core/principals.ts';
import type { Service } from '../core/services.ts';

const RETRY_MS = 2000;

export interface BootstrapOptions {
  readonly admins: readonly { readonly issuer: string; readonly subject: string }[];
  readonly issuerAliases: Readonly<Record<string, string>>;
  readonly grants: Grants;
  readonly log: Logger;
}

/**
 * First rights: `[access] admins` become `system` admins. Repeated until OpenFGA takes them, so that a server whose
 * OpenFGA comes up later still gets its admins. Who is removed from the file keeps the right until it is revoked.
 */
export function createBootstrap({ admins, issuerAliases, grants, log }: BootstrapOptions): Service {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;

  async function grantAll(): Promise<void> {
    try {
      for (const { issuer, subject } of admins) {
        const principal = userPrincipal(issuerAliases[issuer] ?? '', subject);
        const result = await grants.grant({ principal, role: 'admin', object: SYSTEM_OBJECT, until: undefined });
        if (result === 'written') log.info({ principal }, 'granted system admin, as the configuration says');
      }
    } catch (error) {
      log.warn(
        { err: error, cause: isAppError(error) ? error.cause : undefined },
        'the first admins could not be granted yet',
      );
      if (!stopped) timer = setTimeout(() => (running = grantAll()), RETRY_MS).unref();
    }
  }

  return {
    start: () => (running = grantAll()),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
