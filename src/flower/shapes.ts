import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { BundleFamily } from '../core/engine.ts';
import type { RunConfig } from '../core/runs.ts';
import { wireConfig } from '../core/scalars.ts';
import {
  ListFederationsRequest,
  ListFederationsResponse,
  ListNodesRequest,
  ListNodesResponse,
  ShowFederationRequest,
  ShowFederationResponse,
  StartRunRequest,
  StartRunResponse,
} from '../gen/flwr/proto/control.ts';
import { ConfigRecord } from '../gen/flwr/proto/recorddict.ts';
import type { FlowerRpc } from './control.ts';
import { type Retag, retag } from './retag.ts';
import { rpc } from './rpcs.ts';
import { toConfigRecord, toSimulationConfig } from './values.ts';

/** A run to start, in words that fit every release. */
export interface FlowerStart {
  readonly bundle: Uint8Array;
  readonly bundleSha256: string;
  readonly runConfig: RunConfig;
  readonly federationConfig: RunConfig;
  /** `@owner/name`, or "" for the server's default. */
  readonly federation: string;
}

/** As FlowerControl and what stands on it call. */
type Call = <Request, Response>(rpc: FlowerRpc<Request, Response>, request: Request) => Promise<Response>;

/**
 * What a run is started in where nobody names a federation: "", the server's default, but for 1.24 and 1.25. They have
 * none: a run must name its federation, and an open SuperLink of these has one.
 */
export async function federationUnnamed(family: BundleFamily, call: Call): Promise<string> {
  if (family !== 2) return '';
  const { federations } = await call(shapesOf(family).listFederations, {});
  return federations.length === 1 ? (federations[0]?.name ?? '') : '';
}

export interface FlowerShapes {
  /** Encoding throws INVALID_ARGUMENT FEDERATION_CONFIG_INVALID for options that a release from 1.28 on does not have. */
  readonly startRun: FlowerRpc<FlowerStart, StartRunResponse>;
  readonly listNodes: FlowerRpc<ListNodesRequest, ListNodesResponse>;
  readonly listFederations: FlowerRpc<ListFederationsRequest, ListFederationsResponse>;
  readonly showFederation: FlowerRpc<ShowFederationRequest, ShowFederationResponse>;
}

/** The calls whose messages changed their numbers between releases (flower/facts "Wire breaks"), by family of releases. */
export function shapesOf(family: BundleFamily): FlowerShapes {
  const start = { encode: family === 4 ? encodeStart : encodeStartWithRecord };
  const nodes = {
    decode: (bytes: Uint8Array) => ListNodesResponse.decode(family === 1 ? retag(bytes, NODES_1_23) : bytes),
  };
  // 1.24 to 1.26: family 2.
  const renumbered = (bytes: Uint8Array) => (family === 2 ? retag(bytes, FEDERATIONS_1_24) : bytes);
  return {
    startRun: rpc('StartRun', start, StartRunResponse),
    listNodes: rpc('ListNodes', ListNodesRequest, nodes),
    listFederations: rpc('ListFederations', ListFederationsRequest, {
      decode: (bytes) => ListFederationsResponse.decode(renumbered(bytes)),
    }),
    showFederation: rpc('ShowFederation', ShowFederationRequest, {
      decode: (bytes) => ShowFederationResponse.decode(renumbered(bytes)),
    }),
  };
}

function common({ bundle, bundleSha256, runConfig, federation }: FlowerStart): StartRunRequest {
  return StartRunRequest.fromPartial({
    fab: { hashStr: bundleSha256, content: Buffer.from(bundle), verifications: {} },
    overrideConfig: wireConfig(runConfig),
    federation,
  });
}

function encodeStart(start: FlowerStart) {
  const overrideFederationConfig = toSimulationConfig(start.federationConfig);
  return StartRunRequest.encode({ ...common(start), overrideFederationConfig });
}

const FEDERATION_OPTIONS = 3;

/** Up to 1.27 the federation options are a ConfigRecord. */
function encodeStartWithRecord(start: FlowerStart) {
  const writer: BinaryWriter = StartRunRequest.encode(common(start));
  const record = ConfigRecord.encode(toConfigRecord(start.federationConfig)).finish();
  return writer.tag(FEDERATION_OPTIONS, WireType.LengthDelimited).bytes(record);
}

/** NodeInfo of 1.23 has no owner's name, so that each number after it is one less. */
const node123: Retag = (field) => ({ field: field < 3 ? field : field + 1 });

const NODES_1_23: Retag = (field, bytes) =>
  field === 1 && bytes !== undefined ? { field, bytes: retag(bytes, node123) } : { field };

const MEMBER = 5;

/** Federation of 1.24 to 1.26; of 1.24 and 1.25, who tell members by id only, too. */
const federation124: Retag = (field, bytes) => {
  if (bytes === undefined || field === 1) return { field };
  if (field === 2) return undefined;
  if (field === 6)
    return { field: MEMBER, bytes: new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(bytes).finish() };
  return { field: field - 1 };
};

const FEDERATIONS_1_24: Retag = (field, bytes) =>
  field === 1 && bytes !== undefined ? { field, bytes: retag(bytes, federation124) } : { field };
