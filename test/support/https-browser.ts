import { readFileSync } from 'node:fs';
import { type Browser, openBrowser } from '../../src/dev/browser.ts';

export interface HttpsBrowserOptions {
  /** PEM file of the authority to trust. */
  readonly ca: string;
  /** Where a redirect leads to an address of `stopAt`, it is the page's address and nobody is asked. */
  readonly stopAt?: (url: URL) => boolean;
}

/** As much of a browser as a login over TLS needs. Of one person; forgets at the end. */
export function openHttpsBrowser({ ca, ...options }: HttpsBrowserOptions): Browser {
  return openBrowser({ ...options, ca: readFileSync(ca, 'utf8') });
}
