import { AppError } from '../../../../core/errors.ts';
import type { Federation } from '../../../../core/federations.ts';
import { checkFederationId, ownedFederation } from '../../../../core/ids.ts';
import { plainText } from '../../../../core/text.ts';
import { type Call, callerOf, federationOf, type Handlers, type Services } from '../../call.ts';
import type { CreateFederationInput, SeenFederation } from '../../methods.ts';
import { end } from './answers.ts';
import { openFederation } from './open.ts';
import { seenBy } from './seen.ts';
import { overSettings, simulationConfig } from './simulation.ts';

const MAX_DESCRIPTION = 1000;

export const changeHandlers: Pick<
  Handlers,
  'federations.create' | 'federations.archive' | 'federations.configure-simulation'
> = {
  'federations.create': async (services, call, input) => {
    const id = checkFederationId(ownedFederation(input.federation, callerOf(call).account.handle));
    const federation: Federation = {
      id,
      description: plainText(input.description, MAX_DESCRIPTION),
      engine: await engineFor(services, input),
      simulation: input.simulation,
      simulationConfig: {},
      createdAt: services.clock.now(),
      createdBy: callerOf(call).account.id,
      archivedAt: undefined,
    };
    await services.federations.create(federation);
    return seen(services, call, federation);
  },

  'federations.archive': async (services, call) => {
    const { id } = federationOf(call);
    if (id === services.facts.defaultFederation) {
      throw new AppError('FAILED_PRECONDITION', 'FEDERATION_IS_DEFAULT', `${id} is the default federation.`, {
        hint: 'Name another one as default-federation in the configuration of the server first.',
      });
    }
    await services.federations.change(id, { archivedAt: services.clock.now() });
    // Also where it was archived already: the first time may have ended in between.
    await revokePending(services, id);
    return {};
  },

  'federations.configure-simulation': async (services, call, input) => {
    const federation = openFederation(call);
    if (!federation.simulation) {
      const text = `${federation.id} was not made for simulations: its runs go to SuperNodes.`;
      throw new AppError('FAILED_PRECONDITION', 'FEDERATION_NOT_SIMULATION', text, {
        hint: 'Make a federation for simulations: fedctl federation create NAME --simulation',
      });
    }
    const config = overSettings(federation.simulationConfig, simulationConfig(input.config));
    return seen(services, call, await services.federations.change(federation.id, { simulationConfig: config }));
  },
};

async function engineFor({ facts, federations }: Services, { engine }: CreateFederationInput): Promise<string> {
  const standing = await federations.find(facts.defaultFederation);
  if (engine === '') return standing?.engine ?? facts.engines[0] ?? '';
  if (facts.engines.includes(engine)) return engine;
  throw new AppError('INVALID_ARGUMENT', 'ENGINE_UNKNOWN', 'This server has no engine of that name.', {
    hint: `Engines: ${facts.engines.join(', ')}.`,
  });
}

async function revokePending(services: Services, federation: string): Promise<void> {
  for (;;) {
    const pending = await services.invitations.invitations({ federations: [federation], status: 'pending' });
    if (pending.length === 0) return;
    for (const invitation of pending) await end(services, invitation, 'revoked');
  }
}

async function seen(services: Services, call: Call, federation: Federation): Promise<SeenFederation> {
  const [one] = await seenBy(services, callerOf(call), [federation]);
  if (one) return one;
  throw new AppError('INTERNAL', 'TARGET_MISSING', 'The call has no federation.');
}
