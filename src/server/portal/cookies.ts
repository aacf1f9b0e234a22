import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { HttpRequest } from '../transport/https.ts';

/** What makes one browser known again between its pages, and nothing else: it names nobody. */
export interface Browsers {
  /** The secret that this browser has; "" where it has none. */
  secretOf(request: HttpRequest): string;
  /** The secret to go on with, and the header that gives it to the browser (again, so that its time counts from here). */
  keep(request: HttpRequest): { secret: string; headers: { 'set-cookie': string } };
  /** What a form of that browser carries for one login. */
  formToken(secret: string, userCode: string): string;
  /** A form of this site, filled in by this browser for this login (security.md T-40). */
  mayWrite(request: HttpRequest, form: { token: string; userCode: string }): boolean;
}

const SECRET = /^[A-Za-z0-9_-]{43}$/;
/** Longer than a login may take. */
const MAX_AGE_SECONDS = 1800;

export function createBrowsers({ publicUrl }: { publicUrl: string }): Browsers {
  const { origin, protocol } = new URL(publicUrl);
  const isSecure = protocol === 'https:';
  // RFC 6265bis, section 4.1.3.2: with this prefix no other host and no plain HTTP can have set it.
  const name = isSecure ? '__Host-fedctl-login' : 'fedctl-login';
  const attributes = `Path=/; Max-Age=${MAX_AGE_SECONDS}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
  const formToken = (secret: string, userCode: string) =>
    createHmac('sha256', secret).update(`form\0${userCode}`).digest('base64url');

  function secretOf({ headers }: HttpRequest): string {
    const values = (headers.cookie ?? '').split(';').flatMap((pair) => {
      const [key, value = ''] = pair.trim().split(/=(.*)/s);
      return key === name ? [value] : [];
    });
    // Twice means that somebody else has set one too.
    return values.length === 1 && SECRET.test(values[0] ?? '') ? (values[0] ?? '') : '';
  }

  return {
    secretOf,
    keep(request) {
      const secret = secretOf(request) || randomBytes(32).toString('base64url');
      return { secret, headers: { 'set-cookie': `${name}=${secret}; ${attributes}` } };
    },
    formToken,
    mayWrite(request, { token, userCode }) {
      const secret = secretOf(request);
      if (secret === '' || !comesFromHere(request, origin)) return false;
      return sameText(token, formToken(secret, userCode));
    },
  };
}

/**
 * Browsers say with every form where it stood. `Origin` is "null" under a referrer policy of "no-referrer" (Fetch, section
 * 3.2), and then `Sec-Fetch-Site` has to say it.
 */
function comesFromHere({ headers }: HttpRequest, origin: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  if (headers.origin === 'null') return site === 'same-origin';
  return headers.origin === origin;
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
