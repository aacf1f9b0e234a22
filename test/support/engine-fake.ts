import { randomBytes } from 'node:crypto';
import type { Engine, EngineRun, EngineSubmit } from '../../src/core/engine.ts';
import { AppError } from '../../src/core/errors.ts';
import type { RunId } from '../../src/core/ids.ts';
import type { EngineNode, NodeId } from '../../src/core/nodes.ts';

export interface FakeLogLine {
  readonly text: string;
  readonly timestamp: number;
}

/**
 * An engine in memory for faults and moments that a real one can't be made to show. Everything it knows is public:
 * a test scripts it by changing `runs`, `lines` and `faults`.
 */
export interface FakeEngine extends Engine {
  readonly runs: Map<RunId, EngineRun>;
  readonly lines: Map<RunId, FakeLogLine[]>;
  readonly nodes: Map<NodeId, EngineNode>;
  readonly faults: {
    /** Thrown instead of an answer by every call. */
    away?: AppError | undefined;
    /** Runs before StartRun makes the run; may throw (not started) or wait. */
    beforeStart?: ((submit: EngineSubmit) => Promise<void> | void) | undefined;
    /** Runs after StartRun has made the run; a throw is a lost answer. */
    afterStart?: ((id: RunId) => Promise<void> | void) | undefined;
    /** Ends log streams with this after each line. */
    afterLine?: AppError | undefined;
    /** Awaited before SuperNodes are listed. */
    beforeNodes?: (() => Promise<void>) | undefined;
  };
  readonly counts: { starts: number; lists: number; stops: number; streams: number; openStreams: number };
  /** Makes a run that nobody submitted through us. */
  addRun(run: Partial<EngineRun>): EngineRun;
  finish(id: RunId, status?: EngineRun['status'], details?: string): void;
  say(id: RunId, text: string): void;
}

export const AWAY = new AppError('UNAVAILABLE', 'ENGINE_UNAVAILABLE', 'The engine does not answer.');
export const UNREACHABLE = new AppError('UNAVAILABLE', 'ENGINE_UNREACHABLE', "The engine can't be reached.");

export function createFakeEngine({ now = () => Date.now() }: { now?: () => number } = {}): FakeEngine {
  const runs: FakeEngine['runs'] = new Map();
  const lines: FakeEngine['lines'] = new Map();
  const nodes: FakeEngine['nodes'] = new Map();
  const faults: FakeEngine['faults'] = {};
  const counts = { starts: 0, lists: 0, stops: 0, streams: 0, openStreams: 0 };
  let lastId = 1_000_000_000_000_000_000n;
  let lastTime = 1_000;

  function check(): void {
    if (faults.away) throw faults.away;
  }

  function addRun(run: Partial<EngineRun>): EngineRun {
    lastId += 7n;
    const whole: EngineRun = {
      id: lastId,
      bundleSha256: '',
      app: 'lab/demo',
      appVersion: '1.0.0',
      status: 'pending',
      details: '',
      pendingAt: now(),
      startingAt: undefined,
      runningAt: undefined,
      finishedAt: undefined,
      ...run,
    };
    runs.set(whole.id, whole);
    if (!lines.has(whole.id)) lines.set(whole.id, []);
    return whole;
  }

  function change(id: RunId, part: Partial<EngineRun>): void {
    const run = runs.get(id);
    if (run !== undefined) runs.set(id, { ...run, ...part });
  }

  function known(id: RunId): EngineRun {
    const run = runs.get(id);
    if (run === undefined) throw new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'The engine does not know this run.');
    return run;
  }

  async function* streamLogs(id: RunId, after: number, signal: AbortSignal) {
    check();
    known(id);
    counts.streams += 1;
    counts.openStreams += 1;
    try {
      for (let sent = after; ; ) {
        // As the real one: lines first, then the status, so that lines in between are left for the next stream.
        const next = (lines.get(id) ?? []).filter((line) => line.timestamp > sent);
        const isOver = runs.get(id)?.status.startsWith('finished') ?? true;
        for (const line of next) {
          yield line;
          sent = line.timestamp;
          if (faults.afterLine) throw faults.afterLine;
        }
        if (isOver) return;
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (signal.aborted) throw new AppError('CANCELLED', 'CANCELLED', 'cancelled');
        check();
        known(id);
      }
    } finally {
      counts.openStreams -= 1;
    }
  }

  return {
    kind: 'fake',
    runs,
    lines,
    nodes,
    faults,
    counts,
    addRun,
    finish: (id, status = 'finished:completed', details = '') => change(id, { status, details, finishedAt: now() }),
    say(id, text) {
      lastTime += 1;
      lines.get(id)?.push({ text, timestamp: lastTime });
    },
    async startRun(submit) {
      check();
      counts.starts += 1;
      await faults.beforeStart?.(submit);
      const { id } = addRun({ bundleSha256: submit.bundleSha256 });
      await faults.afterStart?.(id);
      return id;
    },
    async stopRun(id) {
      check();
      counts.stops += 1;
      if (known(id).status.startsWith('finished')) {
        throw new AppError('FAILED_PRECONDITION', 'ENGINE_REFUSED', 'already finished');
      }
      change(id, { status: 'finished:stopped', finishedAt: now() });
    },
    async listRuns(id) {
      check();
      counts.lists += 1;
      return [...runs.values()].filter((run) => id === undefined || run.id === id);
    },
    streamLogs,
    ...nodesOf(nodes, faults, now),
    bundleFamily: async () => 4,
    async probe() {
      check();
    },
    async close() {},
  };
}

/** SuperNodes as a SuperLink of 1.32 keeps them: a key stands once, names and places are not kept. */
function nodesOf(
  nodes: FakeEngine['nodes'],
  faults: FakeEngine['faults'],
  now: () => number,
): Pick<Engine, 'listNodes' | 'registerNode' | 'unregisterNode'> {
  function check(): void {
    if (faults.away) throw faults.away;
  }
  return {
    async listNodes() {
      check();
      await faults.beforeNodes?.();
      return [...nodes.values()];
    },
    async registerNode({ publicKey }) {
      check();
      const key = Buffer.from(publicKey);
      if ([...nodes.values()].some((node) => key.equals(node.publicKey))) {
        throw new AppError('FAILED_PRECONDITION', 'NODE_KEY_TAKEN', 'A SuperNode with this public key exists already.');
      }
      const node = aNode({ id: randomBytes(8).readBigUInt64BE(), publicKey: key, registeredAt: now() });
      nodes.set(node.id, node);
      return node.id;
    },
    async unregisterNode(id) {
      check();
      if (!nodes.delete(id))
        throw new AppError('NOT_FOUND', 'NODE_NOT_FOUND', 'The engine does not know this SuperNode.');
    },
  };
}

/** A SuperNode that has registered and never came. */
export function aNode(fields: Partial<EngineNode> = {}): EngineNode {
  return {
    id: 1n,
    status: 'registered',
    registeredAt: undefined,
    lastActivatedAt: undefined,
    lastDeactivatedAt: undefined,
    unregisteredAt: undefined,
    onlineUntil: undefined,
    heartbeatInterval: 30,
    publicKey: new Uint8Array(),
    name: '',
    location: '',
    ...fields,
  };
}
