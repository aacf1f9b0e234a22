import { expect, test } from '@jest/globals';
import type { Federation } from '../../../src/core/federations.ts';
import type { Call, Services } from '../../../src/server/rpc/call.ts';
import { handlers } from '../../../src/server/rpc/handlers/index.ts';
import { alice, servicesWith } from './fakes.ts';

test('a federation whose engine is not configured any more hides no other’s SuperNodes, and says so where it is named', async () => {
  const federation = (id: string, engine: string) => ({ id, engine, archivedAt: undefined }) as Federation;
  const asked: (readonly string[])[] = [];
  const base = servicesWith({ may: () => true }).services;
  const services = {
    ...base,
    facts: { ...base.facts, engines: ['default'] },
    federations: { all: async () => [federation('@lab/default', 'default'), federation('@lab/old', 'gone')] },
    nodes: {
      list: async (engines: readonly string[]) => {
        asked.push(engines);
        return [];
      },
    },
  } as unknown as Services;
  const call = { caller: alice } as unknown as Call;
  await handlers['nodes.list'](services, call, { federation: '' });
  await handlers['nodes.list'](services, call, { federation: '@lab/old' });
  expect(asked).toEqual([['default'], ['gone']]);
});
