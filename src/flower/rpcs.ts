import * as control from '../gen/flwr/proto/control.ts';
import type { FlowerRpc } from './control.ts';
import { flowerFailure } from './failure.ts';

interface Codec<Message> {
  encode(message: Message): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Message;
}

export function rpc<Request, Response>(
  name: string,
  request: Pick<Codec<Request>, 'encode'>,
  response: Pick<Codec<Response>, 'decode'>,
): FlowerRpc<Request, Response> {
  return {
    name,
    encode: (message) => request.encode(message).finish(),
    decode: (bytes) => response.decode(bytes),
  };
}

/** @throws FlowerFailure 'invalid' for bytes that are no such message */
export function decodeAnswer<Response>(one: Pick<FlowerRpc<never, Response>, 'decode'>, reply: Uint8Array): Response {
  try {
    return one.decode(reply);
  } catch (error) {
    throw flowerFailure({ kind: 'invalid', cause: error });
  }
}

/**
 * The calls of Flower's Control API that we make, as of 1.28 and later. StartRun, and what older releases number otherwise,
 * is in shapes.ts.
 */
export const rpcs = {
  stopRun: rpc('StopRun', control.StopRunRequest, control.StopRunResponse),
  streamLogs: rpc('StreamLogs', control.StreamLogsRequest, control.StreamLogsResponse),
  listRuns: rpc('ListRuns', control.ListRunsRequest, control.ListRunsResponse),
  getLoginDetails: rpc('GetLoginDetails', control.GetLoginDetailsRequest, control.GetLoginDetailsResponse),
  getAuthTokens: rpc('GetAuthTokens', control.GetAuthTokensRequest, control.GetAuthTokensResponse),
  /** HTTP only. */
  refreshAuthTokens: rpc('RefreshAuthTokens', control.RefreshAuthTokensRequest, control.RefreshAuthTokensResponse),
  pullArtifacts: rpc('PullArtifacts', control.PullArtifactsRequest, control.PullArtifactsResponse),
  registerNode: rpc('RegisterNode', control.RegisterNodeRequest, control.RegisterNodeResponse),
  unregisterNode: rpc('UnregisterNode', control.UnregisterNodeRequest, control.UnregisterNodeResponse),
  createFederation: rpc('CreateFederation', control.CreateFederationRequest, control.CreateFederationResponse),
  archiveFederation: rpc('ArchiveFederation', control.ArchiveFederationRequest, control.ArchiveFederationResponse),
  addNodeToFederation: rpc(
    'AddNodeToFederation',
    control.AddNodeToFederationRequest,
    control.AddNodeToFederationResponse,
  ),
  removeNodeFromFederation: rpc(
    'RemoveNodeFromFederation',
    control.RemoveNodeFromFederationRequest,
    control.RemoveNodeFromFederationResponse,
  ),
  removeAccountFromFederation: rpc(
    'RemoveAccountFromFederation',
    control.RemoveAccountFromFederationRequest,
    control.RemoveAccountFromFederationResponse,
  ),
  configureSimulationFederation: rpc(
    'ConfigureSimulationFederation',
    control.ConfigureSimulationFederationRequest,
    control.ConfigureSimulationFederationResponse,
  ),
  createInvitation: rpc('CreateInvitation', control.CreateInvitationRequest, control.CreateInvitationResponse),
  listInvitations: rpc('ListInvitations', control.ListInvitationsRequest, control.ListInvitationsResponse),
  acceptInvitation: rpc('AcceptInvitation', control.AcceptInvitationRequest, control.AcceptInvitationResponse),
  rejectInvitation: rpc('RejectInvitation', control.RejectInvitationRequest, control.RejectInvitationResponse),
  revokeInvitation: rpc('RevokeInvitation', control.RevokeInvitationRequest, control.RevokeInvitationResponse),
} as const;
