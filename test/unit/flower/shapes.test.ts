import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fromWireNode } from '../../../src/flower/nodes.ts';
import { retag } from '../../../src/flower/retag.ts';
import { shapesOf } from '../../../src/flower/shapes.ts';
import { StartRunRequest } from '../../../src/gen/flwr/proto/control.ts';
import { NodeInfo } from '../../../src/gen/flwr/proto/node.ts';

const bytes = (write: (writer: BinaryWriter) => BinaryWriter): Uint8Array => write(new BinaryWriter()).finish();
const inside = (field: number, message: Uint8Array) => bytes((w) => w.uint32((field << 3) | 2).bytes(message));
const start = {
  bundle: Buffer.from('PK'),
  bundleSha256: 'ab',
  runConfig: { rounds: 3n },
  federationConfig: { 'num-supernodes': 10n },
  federation: '@lab/one',
};

describe('what changed its numbers between releases', () => {
  test('federation options: a record up to 1.27, a message of their own from 1.28 on', () => {
    const modern = StartRunRequest.decode(shapesOf(4).startRun.encode(start));
    expect(modern.overrideFederationConfig).toMatchObject({ numSupernodes: 10 });
    for (const family of [1, 2, 3] as const) {
      const old = Buffer.from(shapesOf(family).startRun.encode(start));
      // 3 { 1 { 1 "num-supernodes", 2 { 2 sint64 10 } } }
      const record = `1a160a140a0e${Buffer.from('num-supernodes').toString('hex')}12021014`;
      expect(old.toString('hex')).toContain(record);
    }
    const none = shapesOf(3).startRun.encode({ ...start, federationConfig: {} });
    expect(StartRunRequest.decode(none)).toMatchObject({ federation: '@lab/one', fab: { hashStr: 'ab' } });
  });

  test('options that a release from 1.28 on does not have are told before anything is sent', () => {
    const odd = { ...start, federationConfig: { odd: 1n } };
    expect(() => shapesOf(4).startRun.encode(odd)).toThrow(
      expect.objectContaining({ reason: 'FEDERATION_CONFIG_INVALID' }),
    );
    expect(() => shapesOf(3).startRun.encode(odd)).not.toThrow();
  });

  test('SuperNodes as 1.23 tells them', () => {
    const node = bytes((w) =>
      w
        .uint32(8)
        .uint64(7n)
        .uint32(18)
        .string('aid')
        .uint32(26)
        .string('online')
        .uint32(34)
        .string('2026-01-02T03:04:05.000000+00:00')
        .uint32(65)
        .double(1.5)
        .uint32(73)
        .double(30)
        .uint32(82)
        .bytes(Buffer.from('PEM')),
    );
    const { nodesInfo } = shapesOf(1).listNodes.decode(inside(1, node));
    expect(fromWireNode(nodesInfo[0] as NodeInfo)).toMatchObject({
      id: 7n,
      status: 'online',
      registeredAt: Date.UTC(2026, 0, 2, 3, 4, 5),
      onlineUntil: 1500,
      heartbeatInterval: 30,
      publicKey: Buffer.from('PEM'),
    });
  });

  test('federations as 1.24 to 1.26 tell them', () => {
    const node = NodeInfo.encode(NodeInfo.fromPartial({ nodeId: 7n, status: 'online' })).finish();
    const account = bytes((w) => w.uint32(10).string('id-1').uint32(18).string('alice'));
    const federation = bytes((w) =>
      w
        .uint32(10)
        .string('@none/default')
        .uint32(18)
        .string('id-1')
        .uint32(26)
        .bytes(node)
        .uint32(42)
        .string('words')
        .uint32(50)
        .bytes(account),
    );
    for (const decoded of [
      shapesOf(2).listFederations.decode(inside(1, federation)).federations[0],
      shapesOf(2).showFederation.decode(inside(1, federation)).federation,
    ]) {
      expect(decoded).toMatchObject({
        name: '@none/default',
        description: 'words',
        nodes: [{ nodeId: 7n, status: 'online' }],
        members: [{ account: { id: 'id-1', name: 'alice' }, role: '' }],
        archived: false,
      });
    }
  });

  test('any bytes are renumbered or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (message) => {
        try {
          const same = retag(message, (field) => ({ field }));
          expect(same.length).toBeLessThanOrEqual(message.length);
        } catch (error) {
          expect((error as Error).message).toEqual(expect.any(String));
        }
      }),
    );
  });
});
