import * as own from '../src/gen/fedctl/v1/runs.ts';
import * as flower from '../src/gen/flwr/proto/control.ts';
import type { Binding } from '../src/server/rpc/wire/binding.ts';
import { fedctlV1 } from '../src/server/rpc/wire/fedctl-v1.ts';
import { flowerControl, flowerExec } from '../src/server/rpc/wire/flower-control.ts';
import { flowerHttp } from '../src/server/rpc/wire/flower-http.ts';

/** What an answer to ListRuns says besides its runs. */
export interface Told {
  readonly now: string;
  readonly nextCursor: string;
}

/** ListRuns as one wire has it. */
export interface ListWire {
  readonly name: string;
  readonly transport: 'grpc' | 'http';
  /** The server's own. */
  readonly binding: Binding<'runs.list'>;
  request(limit: number): Buffer;
  read(answer: Uint8Array): Told;
}

/** Every wire that ListRuns is served over. */
export const LIST_WIRES: readonly ListWire[] = [
  {
    name: 'fedctl.v1',
    transport: 'grpc',
    binding: bindingOf(fedctlV1.bindings, '/fedctl.v1.Runs/ListRuns'),
    request: (limit) =>
      Buffer.from(
        own.ListRunsRequest.encode({
          ...{ runId: undefined, runIdPrefix: '', limit, cursor: '', federation: '', mine: false },
        }).finish(),
      ),
    read: (answer) => {
      const { now, nextCursor } = own.ListRunsResponse.decode(answer);
      return { now, nextCursor };
    },
  },
  flowerWire('Flower Exec', 'grpc', bindingOf(flowerExec.bindings, '/flwr.proto.Exec/ListRuns')),
  flowerWire('Flower Control', 'grpc', bindingOf(flowerControl.bindings, '/flwr.proto.Control/ListRuns')),
  flowerWire('Flower over HTTP', 'http', bindingOf(flowerHttp.bindings, '/v1/control/list-runs')),
];

function bindingOf(bindings: readonly Binding[], path: string): Binding<'runs.list'> {
  const found = bindings.find((binding) => binding.path === path);
  if (found?.method !== 'runs.list') throw new Error(`no wire lists runs at ${path}`);
  return found as unknown as Binding<'runs.list'>;
}

function flowerWire(name: string, transport: ListWire['transport'], binding: Binding<'runs.list'>): ListWire {
  const other = { runId: undefined, skip: undefined };
  return {
    name,
    transport,
    binding,
    request: (limit) => Buffer.from(flower.ListRunsRequest.encode({ ...other, limit: BigInt(limit) }).finish()),
    read: (answer) => {
      return { now: flower.ListRunsResponse.decode(answer).now, nextCursor: '' };
    },
  };
}
