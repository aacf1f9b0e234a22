import * as proto from '../../../gen/flwr/proto/control.ts';
import { KiB, type Wire } from './binding.ts';
import { readBearer } from './credentials.ts';
import { one } from './fedctl-v1-sessions.ts';
import { type FlowerCalls, flowerCall, place } from './flower-calls.ts';
import { controlCalls } from './flower-control.ts';
import { refuseOverHttp } from './flower-http-errors.ts';
import { unservedCalls } from './flower-unserved.ts';

const PREFIX = '/v1/control/';

/** What over gRPC rides in the headers of any call is a call of its own here (flower facts, section 2). */
const renewal: FlowerCalls = {
  RefreshAuthTokens: flowerCall<'session.renew'>({
    kind: 'unary',
    maxBytes: 64 * KiB,
    method: 'session.renew',
    decode: ([message]) => proto.RefreshAuthTokensRequest.decode(one(message)),
    encode: ({ accessToken, refreshToken }) =>
      proto.RefreshAuthTokensResponse.encode({ accessToken, refreshToken }).finish(),
  }),
};

/** Flower's Control API in protobuf over HTTP, as flwr 1.37 and later speak it (flower facts, section 7). */
export const flowerHttp: Wire = {
  name: 'flower-http',
  http: {
    prefix: PREFIX,
    mediaType: 'application/protobuf',
    streamMediaType: 'application/flower-protobuf-stream',
    frame,
    refuse: refuseOverHttp,
  },
  // No release that speaks HTTP hangs upon an error, so none is told otherwise.
  bindings: place({ ...controlCalls, ...renewal }, pathOf).map(({ excuse: _, ...binding }) => binding),
  credentials: readBearer,
  answers: {},
  unimplemented: Object.fromEntries(Object.entries(unservedCalls).map(([rpc, sentence]) => [pathOf(rpc), sentence])),
};

/** "ListRuns" is served as /v1/control/list-runs. */
function pathOf(rpc: string): string {
  return PREFIX + rpc.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
}

const LENGTH_BYTES = 4;

/** A message of a stream: its length, big-endian, then itself. */
export function frame(message: Uint8Array): Uint8Array {
  const framed = Buffer.allocUnsafe(LENGTH_BYTES + message.length);
  framed.writeUInt32BE(message.length, 0);
  framed.set(message, LENGTH_BYTES);
  return framed;
}
