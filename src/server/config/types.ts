import type { Setting } from './kinds.ts';
import type { REPEATABLE_TABLES, REPEATED_TABLES, SETTINGS } from './settings.ts';

type Camel<K extends string> = K extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : K;

type Settings = typeof SETTINGS;
type Repeated = (typeof REPEATED_TABLES)[number] | (typeof REPEATABLE_TABLES)[number];
type TableValues<T> = { readonly [K in keyof T & string as Camel<K>]: T[K] extends Setting<infer V> ? V : never };

/**
 * The server's configuration as the settings table (settings.ts) types it: `[tokens] key-rotation` is `tokens.keyRotation`.
 * Durations are milliseconds, sizes bytes, addresses `{host, port}`, paths absolute.
 */
export type ServerConfig = {
  readonly [T in keyof Settings]: T extends Repeated ? Several<TableValues<Settings[T]>> : TableValues<Settings[T]>;
};

/** At least one. */
type Several<T> = readonly [T, ...T[]];

/** One of the engines. */
export type EngineConfig = ServerConfig['engine'][number];
