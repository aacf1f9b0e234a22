import { expect, test } from '@jest/globals';
import type { Engine } from '../../../../src/core/engine.ts';
import { silentLogger } from '../../../../src/core/log.ts';
import { configFrom } from '../../../../src/server/config/load.ts';
import { type Parts, probesOf } from '../../../../src/server/parts.ts';
import { createFakeEngine } from '../../../support/engine-fake.ts';

const REST = {
  server: { 'tls-cert': 'a', 'tls-key': 'b' },
  oidc: [{ alias: 'main', issuer: 'https://idp.example', 'client-id': 'x', 'client-secret-file': 's' }],
  openfga: { url: 'https://fga.example' },
};

function namesFor(engine: object): readonly string[] {
  const config = configFrom({ ...REST, engine }, '/etc');
  const engines = new Map<string, Engine>();
  for (const { name, kind } of config.engine) if (kind !== 'none') engines.set(name, createFakeEngine());
  const parts = { store: {}, identity: {}, access: {}, engines } as unknown as Parts;
  return probesOf(parts, { config, log: silentLogger })
    .map(({ name }) => name)
    .filter((name) => name.startsWith('engine'));
}

test('health names each engine and its border, by name where there are several', () => {
  expect(namesFor({ address: '10.0.0.1:9093' })).toEqual(['engine', 'engine-border']);
  expect(namesFor({ kind: 'none' })).toEqual([]);
  const several = [
    { kind: 'none', name: 'a' },
    { name: 'b', address: '10.0.0.1:1' },
    { name: 'c', address: '10.0.0.1:2' },
  ];
  expect(namesFor(several)).toEqual(['engine:b', 'engine-border:b', 'engine:c', 'engine-border:c']);
});
