import { describe, expect, test } from '@jest/globals';
import { ControlService } from '../../../src/gen/flwr/proto/control.ts';
import { ExecService } from '../../../src/gen/flwr/proto/exec.ts';
import { flowerControl, flowerExec } from '../../../src/server/rpc/wire/flower-control.ts';
import { flowerHttp } from '../../../src/server/rpc/wire/flower-http.ts';

const services = [
  { wire: flowerControl, service: ControlService },
  { wire: flowerExec, service: ExecService },
];

describe.each(services)('$wire.name', ({ wire, service }) => {
  const paths: readonly string[] = Object.values(service).map(({ path }) => path);
  const bound = wire.bindings.map(({ path }) => path);
  const refused = Object.keys(wire.unimplemented);

  test('every RPC of every release is served, or refused with a sentence', () => {
    expect([...bound, ...refused].sort()).toEqual([...paths].sort());
  });

  test('streams are streams', () => {
    for (const { path, responseStream } of Object.values(service)) {
      const binding = wire.bindings.find((one) => one.path === path);
      if (binding) expect({ path, stream: binding.kind === 'server-stream' }).toEqual({ path, stream: responseStream });
    }
  });
});

test('a refusal is one or two plain sentences that say what to use instead', () => {
  for (const sentence of Object.values(flowerControl.unimplemented))
    expect(sentence).toMatch(/^[A-Z][^\n]+: [^\n]+\.$/);
});

test('over HTTP the same RPCs are served and refused', () => {
  const kebab = (path: string) =>
    path
      .replace(/^.*\//, '')
      .replace(/(?<=[a-z])(?=[A-Z])/g, '-')
      .toLowerCase();
  const names = (paths: readonly string[]) => paths.map(kebab).sort();
  const overHttp = names(flowerHttp.bindings.map(({ path }) => path));
  expect(overHttp.filter((name) => name !== 'refresh-auth-tokens')).toEqual(
    names(flowerControl.bindings.map(({ path }) => path)),
  );
  expect(names(Object.keys(flowerHttp.unimplemented))).toEqual(names(Object.keys(flowerControl.unimplemented)));
});
