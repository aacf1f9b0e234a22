import { userInfo } from 'node:os';

/** A publisher name for a new app: this user's, cut down to what Flower takes. */
export function publisherName(env: NodeJS.ProcessEnv): string {
  const name = (env.USER || env.LOGNAME || systemUser()).replace(/[^A-Za-z0-9_-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return name.slice(0, 64) || 'me';
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // No entry in the user database, as in some containers.
    return '';
  }
}
