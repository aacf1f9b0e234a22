/** Flower's node id: uint64, as run ids are. */
export type NodeId = bigint;

export const NODE_STATUSES = ['registered', 'online', 'offline', 'unregistered'] as const;
export type NodeStatus = (typeof NODE_STATUSES)[number];

/** A SuperNode as its engine tells it. Times are epoch ms. */
export interface EngineNode {
  readonly id: NodeId;
  readonly status: NodeStatus;
  readonly registeredAt: number | undefined;
  readonly lastActivatedAt: number | undefined;
  readonly lastDeactivatedAt: number | undefined;
  readonly unregisteredAt: number | undefined;
  readonly onlineUntil: number | undefined;
  /** Seconds. */
  readonly heartbeatInterval: number;
  /** PEM, or empty. */
  readonly publicKey: Uint8Array;
  readonly name: string;
  /** "latitude,longitude", or "". */
  readonly location: string;
}

export interface NodeRegistration {
  /** PEM, SubjectPublicKeyInfo, on a NIST curve. */
  readonly publicKey: Uint8Array;
  /** Kept by engines from 1.38 on, and by us. */
  readonly name: string;
  readonly location: string;
}

/** A SuperNode that somebody registered through us. */
export interface NodeRow {
  readonly engine: string;
  readonly id: NodeId;
  /** The federation in whose name it was registered; its engine serves others with it too. */
  readonly federation: string;
  readonly ownerAccountId: string;
  /** OpenFGA principal of who registered it. */
  readonly owner: string;
  readonly ownerHandle: string;
  readonly name: string;
  readonly location: string;
  /** Epoch ms. */
  readonly registeredAt: number;
  readonly unregisteredAt: number | undefined;
}

export interface NodeStore {
  insertNode(row: NodeRow): Promise<void>;
  /** By id on any engine; ids are random 64-bit numbers, and of several rows the newest stands. */
  nodeById(id: NodeId): Promise<NodeRow | undefined>;
  nodesOf(engines: readonly string[]): Promise<readonly NodeRow[]>;
  markUnregistered(engine: string, id: NodeId, now: number): Promise<void>;
}

/** A SuperNode where it is, with our row of it, if there is one. */
export interface FoundNode {
  readonly engine: string;
  readonly node: EngineNode;
  readonly row: NodeRow | undefined;
  /** Why another engine could not be asked, if so: whoever may not see this SuperNode gets the answer for one that is nowhere. */
  readonly unanswered?: unknown;
}

/** SuperNodes over all engines. Rights are decided before these are called. */
export interface Nodes {
  /** Nodes of these engines with our row of each, if there is one; an engine that is away fails the call: a shorter list would lie. */
  list(engines: readonly string[]): Promise<readonly FoundNode[]>;
  /** The node wherever it is, with its engine; undefined where no engine knows it. */
  find(id: NodeId): Promise<FoundNode | undefined>;
  /**
   * @throws FAILED_PRECONDITION NODE_KEY_TAKEN | NODE_KEY_INVALID | ENGINE_REFUSED, UNAVAILABLE ENGINE_*,
   * INVALID_ARGUMENT NODE_NAME_INVALID | NODE_LOCATION_INVALID
   */
  register(row: Omit<NodeRow, 'id' | 'unregisteredAt'>, publicKey: Uint8Array): Promise<NodeRow>;
  /** @throws NOT_FOUND NODE_NOT_FOUND */
  unregister(engine: string, id: NodeId): Promise<void>;
}
