/** What flwr 1.24 and 1.25 name where the user names no federation. Ids have had an owner since. */
export const UNNAMED_BEFORE_126 = 'default';
/** The same, and what 1.26 and later take for it. */
const UNNAMED = new Set([UNNAMED_BEFORE_126, '@none/default']);

/** The federation that a request names; "" for the server's default. */
export function namedFederation(name: string): string {
  return UNNAMED.has(name) ? '' : name;
}
