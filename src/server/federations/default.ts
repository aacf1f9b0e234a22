import type { Clock } from '../../core/clock.ts';
import type { FederationStore } from '../../core/federations.ts';
import type { Logger } from '../../core/log.ts';

export interface DefaultFederation {
  readonly store: FederationStore;
  readonly id: string;
  /** Name of the engine that the configuration names first. */
  readonly engine: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Makes the row of the federation that is meant where none is named; an engine that was renamed in the configuration is taken over. */
export async function ensureDefault({ store, id, engine, clock, log }: DefaultFederation): Promise<void> {
  const made = await store.insertFederation({
    id,
    description: '',
    engine,
    simulation: false,
    simulationConfig: {},
    createdAt: clock.now(),
    createdBy: '',
    archivedAt: undefined,
  });
  if (made) return log.info({ federation: id, engine }, 'made the default federation');
  const standing = (await store.federations()).find((federation) => federation.id === id);
  if (standing?.archivedAt !== undefined)
    log.warn({ federation: id }, 'the default federation is archived: it takes no runs');
  if (standing?.engine === engine) return;
  await store.updateFederation(id, { engine });
  log.info({ federation: id, engine, before: standing?.engine }, 'the default federation has another engine');
}
