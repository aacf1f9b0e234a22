import type { Wire } from './binding.ts';
import { readCredentials } from './credentials.ts';
import { execAnswers, flowerAnswers, grpcAnswers } from './flower-answers.ts';
import { type FlowerCalls, place } from './flower-calls.ts';
import { execCalls } from './flower-exec.ts';
import { federationCalls } from './flower-federations.ts';
import { invitationCalls } from './flower-invitations.ts';
import { grpcLoginCalls, loginCalls } from './flower-login.ts';
import { nodeCalls } from './flower-nodes.ts';
import { runCalls } from './flower-runs.ts';
import { unservedCalls } from './flower-unserved.ts';

/** All of Flower's Control API that is served here, by the name of the RPC: what every transport offers under its own paths. */
export const controlCalls: FlowerCalls = {
  ...loginCalls,
  ...runCalls,
  ...nodeCalls,
  ...federationCalls,
  ...invitationCalls,
};

/** Both tokens travel on every call, and a renewed pair comes back with the headers (flower facts, section 2). */
const grpc = {
  credentials: readCredentials,
  renewedHeaders: (pair: { accessToken: string; refreshToken: string }) => ({
    'flwr-oidc-access-token': pair.accessToken,
    'flwr-oidc-refresh-token': pair.refreshToken,
  }),
};

/** Flower's Control service over gRPC, as flwr 1.21 to 1.36 speak it. */
export const flowerControl: Wire = {
  ...grpc,
  name: 'flwr.proto.Control',
  answers: flowerAnswers,
  answersFor: grpcAnswers,
  bindings: place({ ...controlCalls, ...grpcLoginCalls }, (rpc) => `/flwr.proto.Control/${rpc}`),
  unimplemented: Object.fromEntries(
    Object.entries(unservedCalls).map(([rpc, sentence]) => [`/flwr.proto.Control/${rpc}`, sentence]),
  ),
};

/** Its predecessor, as flwr 1.18 to 1.20 speak it. */
export const flowerExec: Wire = {
  ...grpc,
  name: 'flwr.proto.Exec',
  answers: execAnswers,
  bindings: place(execCalls, (rpc) => `/flwr.proto.Exec/${rpc}`),
  unimplemented: {},
};
