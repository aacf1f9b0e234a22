import { expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/core/log.ts';
import { grpcFailure } from '../../../src/flower/grpc-errors.ts';
import { NodeInfo } from '../../../src/gen/flwr/proto/node.ts';
import type { EngineCalls } from '../../../src/server/engine/calls.ts';
import { engineNodes } from '../../../src/server/engine/nodes.ts';

function nodesOver(answer: () => unknown) {
  const calls = { call: async () => answer(), family: async () => 4 } as unknown as EngineCalls;
  return engineNodes({ name: 'main', calls, log: silentLogger });
}

const refuses = (code: number, details: string) =>
  nodesOver(() => {
    throw grpcFailure({ code, details }, false);
  });

test('an engine that simulates its SuperNodes has none', async () => {
  await expect(refuses(12, 'ListNodes is not available in simulation mode.').listNodes()).resolves.toEqual([]);
});

test('an engine of a release without SuperNode calls is told to be too old', async () => {
  const old = refuses(12, 'Method not found!');
  await expect(old.listNodes()).rejects.toMatchObject({ reason: 'ENGINE_TOO_OLD' });
  await expect(old.unregisterNode(1n)).rejects.toMatchObject({ reason: 'ENGINE_TOO_OLD' });
});

test('F-24: one unreadable SuperNode hides no other; an answer without an id is a refusal', async () => {
  const odd = NodeInfo.fromPartial({ nodeId: 5n, status: 'odd' });
  const none = NodeInfo.fromPartial({ status: 'online' });
  const good = NodeInfo.fromPartial({
    nodeId: 6n,
    status: 'online',
    heartbeatInterval: Number.NaN,
    name: 'a\u001b[2Jb',
  });
  const { listNodes, registerNode } = nodesOver(() => ({ nodesInfo: [odd, none, good] }));
  await expect(listNodes()).resolves.toMatchObject([
    { id: 6n, status: 'online', heartbeatInterval: 0, name: 'a [2Jb' },
  ]);
  const registration = { publicKey: Buffer.from('PEM'), name: '', location: '' };
  await expect(registerNode(registration)).rejects.toMatchObject({ reason: 'ENGINE_REFUSED' });
});
