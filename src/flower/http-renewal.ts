import type { FlowerTokenStore, FlowerTokens } from './control.ts';
import { isFlowerFailure } from './failure.ts';

/** Asks the server for a new pair; the old access token goes along as flwr sends it (flower/facts section 2). */
export type Refresh = (old: FlowerTokens) => Promise<FlowerTokens>;

/**
 * A new pair for one that the server refused: one question however many calls need it, stored before any of them goes on.
 * Undefined where the server renews it no more. @throws FlowerFailure where it can't be asked
 */
export function createRenewal(
  store: FlowerTokenStore,
  refresh: Refresh,
): (refused: FlowerTokens) => Promise<FlowerTokens | undefined> {
  let under: Promise<FlowerTokens | undefined> | undefined;

  async function renew(refused: FlowerTokens): Promise<FlowerTokens | undefined> {
    const current = await store.tokens();
    if (current !== undefined && current.accessToken !== refused.accessToken) return current;
    try {
      const renewed = await refresh(refused);
      if (renewed.accessToken === '' || renewed.refreshToken === '') return undefined;
      await store.renewed(renewed, refused);
      return renewed;
    } catch (error) {
      if (isFlowerFailure(error) && error.kind === 'refused') return undefined;
      throw error;
    }
  }

  return (refused) => {
    under ??= renew(refused).finally(() => {
      under = undefined;
    });
    return under;
  };
}
