import { type AppError, isAppError } from '../core/errors.ts';
import { type Connection, type ConnectionFile, parseConnection } from './connections.ts';
import { defaultOf, readSources } from './target.ts';
import { isTable } from './toml-fields.ts';

/** One entry of either file, usable or not. */
export interface ListedConnection {
  readonly name: string;
  readonly source: Connection['source'];
  readonly file: string;
  /** As the file has it; undefined where it has none. */
  readonly address: string | undefined;
  /** Undefined where the entry can't be used. */
  readonly connection: Connection | undefined;
  /** Why it can't. */
  readonly problem: AppError | undefined;
  /** Commands that name no connection take this one. */
  readonly isDefault: boolean;
  /** pyproject.toml has one of the same name, which goes first. */
  readonly isShadowed: boolean;
}

/** All connections that a command in `dir` could use, those of pyproject.toml first. @throws CONFIG_* where a file can't be read */
export async function listConnections(dir: string, env: NodeJS.ProcessEnv): Promise<readonly ListedConnection[]> {
  const { project, config } = await readSources(dir, env);
  const chosen = defaultOf({ project, config });
  const projectDir = project.exists ? dir : undefined;
  return [project, config].flatMap((from) =>
    from.names.map((name) => {
      const isShadowed = from === config && project.names.includes(name);
      return {
        name,
        source: from.source,
        file: from.file,
        ...addressOf(from, name),
        ...parsed(from, name, { env, projectDir }),
        isDefault: name === chosen && !isShadowed,
        isShadowed,
      };
    }),
  );
}

function addressOf({ section }: ConnectionFile, name: string): { address: string | undefined } {
  const table = section?.table[name];
  const address = isTable(table) ? table.address : undefined;
  return { address: typeof address === 'string' ? address : undefined };
}

function parsed(from: ConnectionFile, name: string, options: Parameters<typeof parseConnection>[2]) {
  try {
    return { connection: parseConnection(from, name, options), problem: undefined };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { connection: undefined, problem: error };
  }
}
