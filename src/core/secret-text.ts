/** JWTs, tokens of ours (`fedrt_...`), bearer headers, PEM private keys, passwords in URLs and forms: cut out of any text. */
const SECRET_TEXT = [
  /\bey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.?[A-Za-z0-9_-]*/g,
  /\bfed[a-z]{2}_[A-Za-z0-9_-]{16,}/g,
  /\b(?:bearer|basic|dpop)\s+[A-Za-z0-9._~+/=-]{8,}/gi,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /(?<=:\/\/)[^/\s@]+:[^/\s@]+(?=@)/g,
  /\b(client_secret|refresh_token|access_token|id_token|device_code|code|assertion|subject_token)=[^&\s"]+/gi,
] as const;

export const CUT = '[secret]';

/** `text` without what looks like a secret (security.md T-05, SEC-01). */
export function cutSecrets(text: string): string {
  return SECRET_TEXT.reduce((rest, pattern) => rest.replace(pattern, CUT), text);
}

/**
 * Where GRPC_TRACE asks for it, grpc-js prints the metadata of calls, and with them every token. It goes on to print, on
 * stderr, but without them. `setLogger` is grpc-js's own: core imports no package.
 */
export function traceWithoutSecrets(setLogger: (logger: Partial<Console>) => void): void {
  const print =
    (severity: string) =>
    (...parts: unknown[]): void =>
      void process.stderr.write(`${severity} ${cutSecrets(parts.map(String).join(' '))}\n`);
  setLogger({ error: print('E'), info: print('I'), debug: print('D') });
}
