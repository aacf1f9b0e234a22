import { describe, expect, test } from '@jest/globals';
import { SCOPES, type Scope } from '../../../src/core/scopes.ts';
import type { Handlers } from '../../../src/server/rpc/call.ts';
import type { MethodName } from '../../../src/server/rpc/methods.ts';
import { createPipeline } from '../../../src/server/rpc/pipeline.ts';
import { POLICY, SCOPE_OF } from '../../../src/server/rpc/policy.ts';
import { alice, servicesWith } from './fakes.ts';

const METHODS = Object.keys(POLICY) as MethodName[];

/** What the method answers a caller whose token has these scopes; handlers answer nothing, rights are all there. */
async function reasonWith(method: MethodName, scopes: readonly Scope[] | undefined): Promise<string> {
  const authenticate = async () => ({ ...alice, scopes });
  const { services } = servicesWith({ may: () => true, over: { sessions: { authenticate } as never } });
  const table = Object.fromEntries(METHODS.map((name) => [name, async () => ({})])) as unknown as Handlers;
  const dispatch = createPipeline(services, table);
  const call = dispatch({
    method,
    peer: { address: '127.0.0.1', userAgent: 'test' },
    signal: new AbortController().signal,
    credentials: () => ({ kind: 'bearer', accessToken: 'good' }),
    input: async () => ({ runId: 42n, nodeId: 1n, federation: '@lab/default', object: 'system' }) as never,
    accepted: () => {},
  });
  return call.result.then(
    () => 'no error',
    (error) => error.reason,
  );
}

describe('scopes', () => {
  test('every method that knows its caller asks for one, and no other', () => {
    const without = METHODS.filter((method) => SCOPE_OF[method] === undefined);
    expect(without).toEqual(METHODS.filter((method) => POLICY[method].auth === 'none'));
    for (const method of METHODS) if (SCOPE_OF[method]) expect(SCOPES).toContain(SCOPE_OF[method]);
  });

  test('are those of the documentation', () => {
    expect(SCOPE_OF).toMatchSnapshot();
  });

  test.each(METHODS.filter((method) => SCOPE_OF[method] !== undefined))(
    'AT-14: %s needs its scope, all others do not help',
    async (method) => {
      const needed = SCOPE_OF[method] as Scope;
      expect(
        await reasonWith(
          method,
          SCOPES.filter((scope) => scope !== needed),
        ),
      ).toBe('SCOPE_MISSING');
      expect(await reasonWith(method, [])).toBe('SCOPE_MISSING');
      expect(await reasonWith(method, [needed])).not.toBe('SCOPE_MISSING');
      expect(await reasonWith(method, undefined)).not.toBe('SCOPE_MISSING');
    },
  );
});
