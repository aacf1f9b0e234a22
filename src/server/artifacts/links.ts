import type { Clock } from '../../core/clock.ts';

/** What a link stands for. */
export interface Link {
  /** Ours: `Run.key`. */
  readonly runKey: string;
  readonly sessionId: string;
  readonly accountId: string;
  /** Epoch ms. */
  readonly expiresAt: number;
}

/** Seals a text so that only this server, or another one with its master key, can make or read it. */
export interface Seal {
  seal(text: string): string;
  /** @throws for anything that was not sealed so */
  open(sealed: string): string;
}

/** Tokens of links: sealed, so that they are signed and say nothing; nothing is stored. */
export interface Links {
  token(link: Omit<Link, 'expiresAt'>): string;
  /** Undefined for anything that is no link of ours; `expired` for one whose time is over. */
  read(token: string): { link: Link; expired: boolean } | undefined;
}

const TOKEN = /^[A-Za-z0-9._-]{1,1024}$/;

export function createLinks({ seal, clock, lifetimeMs }: { seal: Seal; clock: Clock; lifetimeMs: number }): Links {
  return {
    token({ runKey, sessionId, accountId }) {
      return seal.seal(JSON.stringify([runKey, sessionId, accountId, clock.now() + lifetimeMs]));
    },

    read(token) {
      if (!TOKEN.test(token)) return undefined;
      const link = opened(seal, token);
      return link && { link, expired: clock.now() >= link.expiresAt };
    },
  };
}

function opened(seal: Seal, token: string): Link | undefined {
  try {
    const [runKey, sessionId, accountId, expiresAt] = JSON.parse(seal.open(token));
    return { runKey, sessionId, accountId, expiresAt };
  } catch {
    return undefined;
  }
}
