import type { Clock } from '../../core/clock.ts';
import type { Engine } from '../../core/engine.ts';
import { AppError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { EngineNode, FoundNode, NodeId, NodeRow, NodeStore, Nodes } from '../../core/nodes.ts';
import { checkLocation, checkName, checkPublicKey } from './registration.ts';

export interface NodesOptions {
  /** By name. */
  readonly engines: ReadonlyMap<string, Engine>;
  readonly store: NodeStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long one engine may take to list its SuperNodes, in ms; 5 s unless given. */
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 5_000;

/**
 * SuperNodes of all engines. What an engine says is what there is; our rows add who registered a SuperNode, and for
 * which federation. The engine comes first: a crash between the two leaves a SuperNode without a row, the system admins'.
 */
export function createNodes(options: NodesOptions): Nodes {
  const { engines, store, clock, log, deadlineMs = DEADLINE_MS } = options;

  async function nodesOf(name: string): Promise<readonly EngineNode[]> {
    return within(engineNamed(engines, name).listNodes(), deadlineMs, name);
  }

  return {
    async list(names) {
      const [rows, ...lists] = await Promise.all([store.nodesOf(names), ...names.map(nodesOf)]);
      const known = new Map(rows.map((row) => [keyOf(row.engine, row.id), row]));
      const found = names.flatMap((engine, index): FoundNode[] =>
        (lists[index] ?? []).map((node) => ({ engine, node, row: known.get(keyOf(engine, node.id)) })),
      );
      return found.sort(byAge);
    },

    async find(id) {
      // All engines are asked whether we have a row or not: an id that nobody knows takes as long as one that is somebody's.
      const [row, ...lists] = await Promise.all([
        store.nodeById(id),
        ...[...engines.keys()].map(async (engine) => ({ engine, asked: await settled(nodesOf(engine)) })),
      ]);
      const [unanswered] = lists.flatMap(({ asked }) => ('error' in asked ? [asked.error] : []));
      for (const { engine, asked } of lists) {
        const node = 'nodes' in asked ? asked.nodes.find((one) => one.id === id) : undefined;
        if (node) return { engine, node, row: row?.engine === engine ? row : undefined, unanswered };
      }
      if (unanswered !== undefined) throw unanswered;
      return undefined;
    },

    async register(row, publicKey) {
      const name = checkName(row.name);
      const location = checkLocation(row.location);
      const engine = engineNamed(engines, row.engine);
      const id = await engine.registerNode({ publicKey: checkPublicKey(publicKey), name, location });
      const whole: NodeRow = { ...row, name, location, id, unregisteredAt: undefined };
      try {
        await store.insertNode(whole);
      } catch (error) {
        // Without its row nobody but an admin could take it back.
        await engine.unregisterNode(id).catch((cause: unknown) => {
          log.error(
            { engine: row.engine, node: String(id), cause },
            'a SuperNode is registered and could not be noted',
          );
        });
        throw error;
      }
      return whole;
    },

    async unregister(engine, id) {
      await engineNamed(engines, engine).unregisterNode(id);
      await store.markUnregistered(engine, id, clock.now());
    },
  };
}

function keyOf(engine: string, id: NodeId): string {
  return `${id} ${engine}`;
}

function byAge(a: FoundNode, b: FoundNode): number {
  const [older, younger] = [a.node.registeredAt ?? 0, b.node.registeredAt ?? 0];
  if (older !== younger) return older - younger;
  return a.node.id < b.node.id ? -1 : 1;
}

function engineNamed(engines: ReadonlyMap<string, Engine>, name: string): Engine {
  const engine = engines.get(name);
  if (engine) return engine;
  throw new AppError('FAILED_PRECONDITION', 'FEDERATION_WITHOUT_ENGINE', 'This federation has no engine to run on.', {
    hint: 'Ask the administrator to give it one in the server configuration.',
  });
}

type Settled = { readonly nodes: readonly EngineNode[] } | { readonly error: unknown };

async function settled(asked: Promise<readonly EngineNode[]>): Promise<Settled> {
  try {
    return { nodes: await asked };
  } catch (error) {
    return { error };
  }
}

/** `work`, or after `ms` an error: one slow engine must not hold up what others have answered. */
async function within<T>(work: Promise<T>, ms: number, engine: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(tooSlow(engine)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function tooSlow(engine: string): AppError {
  return new AppError('UNAVAILABLE', 'ENGINE_UNAVAILABLE', `The engine "${engine}" does not answer.`, {
    hint: 'Try again in a moment.',
  });
}
