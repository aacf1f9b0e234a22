/** What flwr names where the user names no federation: 1.24 and 1.25, then 1.26 and later. */
const UNNAMED = new Set(['default', '@none/default']);

/** The federation that a request names; "" for the server's default. */
export function namedFederation(name: string): string {
  return UNNAMED.has(name) ? '' : name;
}
