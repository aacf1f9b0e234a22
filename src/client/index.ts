// Everything that needs gRPC, behind one door: commands load it only when they are about to connect.
export { type Client, connect } from './channel.ts';
export { fedctlRemote } from './fedctl-remote.ts';
export { openSession } from './session.ts';
export { callUnary } from './unary.ts';
