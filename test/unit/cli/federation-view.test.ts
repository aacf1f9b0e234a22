import { describe, expect, test } from '@jest/globals';
import {
  createdDocument,
  federationDocument,
  federationLines,
  federationTable,
  invitationTable,
} from '../../../src/cli/federation-view.ts';
import { nodeDocument, nodeTable } from '../../../src/cli/node-view.ts';
import type { Stdio } from '../../../src/cli/stdio.ts';
import { RIGHTS } from '../../../src/core/access.ts';
import { Federation, Invitation } from '../../../src/gen/fedctl/v1/federations.ts';
import { Supernode } from '../../../src/gen/fedctl/v1/supernodes.ts';

const stdio = { columns: 80, unicode: true } as Stdio;
const NOW = '2026-11-22T18:00:00Z';
const EVIL = '\u001b[2J\u202eevil\u0007\nline';

const federation = Federation.fromPartial({
  id: `@lab/${'long-name-'.repeat(2)}`,
  description: EVIL.repeat(20),
  engine: EVIL,
  simulation: true,
  simulationConfig: { 'num-supernodes': { sint64: 3n }, [EVIL]: { string: EVIL } },
  createdAt: NOW,
  rights: [...RIGHTS],
  memberCount: 3,
  isDefault: true,
});

const node = Supernode.fromPartial({
  nodeId: 18446744073709551615n,
  status: 'online',
  engine: 'a',
  federations: ['@lab/one', EVIL],
  owner: EVIL,
  lastActivatedAt: '2026-11-22T17:58:55Z',
  name: EVIL.repeat(10),
  publicKey: Buffer.from('-----BEGIN PUBLIC KEY-----\n\u001b]0;x\u0007\n'),
});

const invitation = Invitation.fromPartial({
  federation: '@lab/one',
  inviter: EVIL,
  invitee: EVIL,
  role: 'runner',
  status: 'pending',
});

describe('federations and SuperNodes on a terminal', () => {
  test('T-21: fit into 80 columns and hold nothing that acts on it', async () => {
    const lines = [
      ...(await federationTable([federation], stdio)),
      ...(await nodeTable([node, { ...node, engine: 'b' }], NOW, stdio)),
      ...(await invitationTable([invitation], stdio)),
    ];
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    const shown = [...lines, ...(await federationLines(federation, [{ who: EVIL, role: EVIL, until: EVIL }], stdio))];
    const documents = [federationDocument(federation), nodeDocument(node, NOW), createdDocument(invitation)];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    for (const text of shown) expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(JSON.stringify(documents)).not.toMatch(/\\u001b|\u202e|\\u0007/);
  });

  test('columns that say nothing are left out; all rights are one word; ids stay whole', async () => {
    const plain = Supernode.fromPartial({ nodeId: 18446744073709551615n, status: 'registered', registeredAt: NOW });
    expect(await nodeTable([plain], NOW, stdio)).toEqual([
      'NODE ID               STATUS      FOR',
      '18446744073709551615  registered  0:00',
    ]);
    const bare = Federation.fromPartial({ id: '@none/default', rights: [...RIGHTS] });
    expect(await federationTable([bare], stdio)).toEqual(['FEDERATION     YOUR RIGHTS', '@none/default  all']);
    expect(nodeDocument(node, NOW)).toMatchObject({ 'node-id': '18446744073709551615', 'online-elapsed': 65 });
    expect(nodeDocument(node, 'no time')['online-elapsed']).toBeNull();
    expect(federationDocument(federation)['simulation-config']).toMatchObject({ 'num-supernodes': 3 });
  });
});
