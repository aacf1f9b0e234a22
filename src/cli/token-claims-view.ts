import { AppError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import { roughTime } from './duration.ts';
import { pairLines } from './table.ts';
import { safeLine } from './text.ts';

/** Claims that are points in time, in seconds since 1970 (RFC 7519 section 4.1, OIDC Core section 2). */
const TIMES: readonly string[] = ['exp', 'nbf', 'iat', 'auth_time', 'updated_at'];

/** What a token says. Its signature is not looked at: nothing is decided by this. */
export interface DecodedToken {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** @throws FAILED_PRECONDITION TOKEN_OPAQUE for anything but a JWT */
export function decodeToken(token: Secret): DecodedToken {
  const [header = '', claims = '', signature] = token.reveal().split('.');
  const part = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as DecodedToken['claims'];
  try {
    if (signature === undefined) throw new SyntaxError('no JWT');
    const decoded = { header: part(header), claims: part(claims) };
    if (isObject(decoded.header) && isObject(decoded.claims)) return decoded;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AppError('FAILED_PRECONDITION', 'TOKEN_OPAQUE', 'This token says nothing that could be shown.', {
    hint: 'Only whoever made it can read it. Without --pretty it is printed as it is.',
  });
}

export function decodedDocument({ header, claims }: DecodedToken) {
  const times = Object.entries(claims).filter(isTime);
  const iso = times.map(([name, value]) => [name, new Date(Number(value) * 1000).toISOString()] as const);
  return { success: true, header, claims, times: Object.fromEntries(iso) };
}

/** @param now epoch ms */
export function decodedLines({ header, claims }: DecodedToken, now: number): string[] {
  const rows = (part: DecodedToken['claims']) =>
    pairLines(Object.entries(part).map((claim) => [safeLine(claim[0]), claimText(claim, now)] as const)).map(
      (line) => `  ${line}`,
    );
  return ['Header', ...rows(header), 'Claims', ...rows(claims)];
}

function claimText(claim: [string, unknown], now: number): string {
  const value = claim[1];
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (!isTime(claim)) return text;
  const seconds = Number(value) - now / 1000;
  const when = new Date(Number(value) * 1000).toISOString().replace('.000Z', 'Z');
  return `${text} (${when}, ${seconds < 0 ? `${roughTime(-seconds)} ago` : `in ${roughTime(seconds)}`})`;
}

function isTime([name, value]: [string, unknown]): boolean {
  // What a Date can hold.
  return TIMES.includes(name) && typeof value === 'number' && Math.abs(value) < 8.64e12;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
