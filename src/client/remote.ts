import type { AppError } from '../core/errors.ts';
import type * as federations from '../gen/fedctl/v1/federations.ts';
import type * as runs from '../gen/fedctl/v1/runs.ts';
import type * as supernodes from '../gen/fedctl/v1/supernodes.ts';

/** What was submitted: header, bundle, and who wants to know how far it is. */
export interface RemoteUpload {
  readonly header: runs.StartRunHeader;
  readonly bundle: Uint8Array;
  /** Bytes handed to the network so far. */
  readonly onProgress: (sent: number) => void;
  /** A remark of the server beside its answer. */
  readonly onNote: (text: string) => void;
}

/** Which log to read, and how. */
export interface RemoteLogRequest {
  readonly runId: bigint;
  /** Go on until the run has finished; else end at what there is now. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Told when the connection was lost; the next piece follows on the last one all the same. */
  readonly onLost: (error: AppError) => void;
}

/** A piece of a log. `finished` is set on the last one, once the run has ended. */
export interface RemoteLog {
  readonly text: string;
  readonly finished: runs.Run | undefined;
}

/**
 * What commands ask of a server, in the words of fedctl.v1: a control plane of ours, or a SuperLink on its own, over gRPC
 * or HTTP, with or without Flower's login. What a SuperLink doesn't know (owners, reasons, rights) is empty there; what it
 * can't do is UNIMPLEMENTED NOT_SERVED_HERE with a sentence.
 */
export interface Remote {
  /** "fedctl": a control plane. "superlink": a SuperLink. */
  readonly kind: 'fedctl' | 'superlink';
  /** Repeated with the same request id it gives the same run on a control plane; a SuperLink would start another. */
  startRun(upload: RemoteUpload): Promise<runs.Run>;
  listRuns(request: runs.ListRunsRequest): Promise<runs.ListRunsResponse>;
  stopRun(request: runs.StopRunRequest): Promise<runs.StopRunResponse>;
  /** Taken up again where it broke, without gap or repetition; ends with the run, or with what there is if not `follow`. */
  readLog(request: RemoteLogRequest): AsyncIterable<RemoteLog>;
  pullArtifacts(request: runs.PullArtifactsRequest): Promise<runs.PullArtifactsResponse>;
  listSupernodes(request: supernodes.ListSupernodesRequest): Promise<supernodes.ListSupernodesResponse>;
  registerSupernode(request: supernodes.RegisterSupernodeRequest): Promise<supernodes.RegisterSupernodeResponse>;
  unregisterSupernode(request: supernodes.UnregisterSupernodeRequest): Promise<supernodes.UnregisterSupernodeResponse>;
  listFederations(request: federations.ListFederationsRequest): Promise<federations.ListFederationsResponse>;
  showFederation(request: federations.ShowFederationRequest): Promise<federations.ShowFederationResponse>;
  createFederation(request: federations.CreateFederationRequest): Promise<federations.CreateFederationResponse>;
  archiveFederation(request: federations.ArchiveFederationRequest): Promise<federations.ArchiveFederationResponse>;
  addSupernode(request: federations.AddSupernodeRequest): Promise<federations.AddSupernodeResponse>;
  removeSupernode(request: federations.RemoveSupernodeRequest): Promise<federations.RemoveSupernodeResponse>;
  removeMember(request: federations.RemoveMemberRequest): Promise<federations.RemoveMemberResponse>;
  configureSimulation(
    request: federations.ConfigureSimulationRequest,
  ): Promise<federations.ConfigureSimulationResponse>;
  createInvitation(request: federations.CreateInvitationRequest): Promise<federations.CreateInvitationResponse>;
  listInvitations(request: federations.ListInvitationsRequest): Promise<federations.ListInvitationsResponse>;
  acceptInvitation(request: federations.AcceptInvitationRequest): Promise<federations.AcceptInvitationResponse>;
  rejectInvitation(request: federations.RejectInvitationRequest): Promise<federations.RejectInvitationResponse>;
  revokeInvitation(request: federations.RevokeInvitationRequest): Promise<federations.RevokeInvitationResponse>;
  /** Family of app bundles that the server's engine builds, 1 to 4; 0 where it is not known. */
  bundleFamily(): Promise<number>;
}
