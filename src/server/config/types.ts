import type { Setting } from './kinds.ts';
import type { OPTIONAL_TABLES, REPEATABLE_TABLES, REPEATED_TABLES, SETTINGS } from './settings.ts';

type Camel<K extends string> = K extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : K;

type Settings = typeof SETTINGS;
type Repeated = (typeof REPEATED_TABLES)[number] | (typeof REPEATABLE_TABLES)[number];
type Optional = (typeof OPTIONAL_TABLES)[number];
type TableValues<T> = { readonly [K in keyof T & string as Camel<K>]: T[K] extends Setting<infer V> ? V : never };

/**
 * The server's configuration as the settings table (settings.ts) types it: `[tokens] key-rotation` is `tokens.keyRotation`,
 * `[[trust-rule]]` is `trustRule`.
 * Durations are milliseconds, sizes bytes, addresses `{host, port}`, paths absolute.
 */
export type ServerConfig = {
  readonly [T in keyof Settings as Camel<T>]: T extends Repeated
    ? Several<TableValues<Settings[T]>>
    : T extends Optional
      ? readonly TableValues<Settings[T]>[]
      : TableValues<Settings[T]>;
};

/** At least one. */
type Several<T> = readonly [T, ...T[]];

/** One issuer whose tokens are taken. */
export type TrustConfig = ServerConfig['trust'][number];
export type TrustRuleConfig = ServerConfig['trustRule'][number];
/** One of the engines. */
export type EngineConfig = ServerConfig['engine'][number];
