import { isIP } from 'node:net';
import { resolve } from 'node:path';

/** Outcome of reading one value: the typed value, or what is wrong with it ("must be ..."). */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/** What a value may depend on: `dir` is the folder of the config file, the base of relative paths. */
export interface Place {
  readonly dir: string;
}

/** One setting: how it is documented, what it defaults to (as it would stand in TOML), and how it is read. */
export interface Setting<T> {
  readonly kind: string;
  readonly doc: string;
  readonly required: boolean;
  readonly default: unknown;
  /** Says in words where the value comes from when it is absent (src/server/config/derive.ts). */
  readonly derived: string | undefined;
  parse(raw: unknown, place: Place): Parsed<T>;
}

export type Milliseconds = number;
export type Bytes = number;
export interface Address {
  /** Name or IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

interface Spec<D> {
  readonly doc: string;
  readonly default?: D;
  readonly required?: true;
  readonly derived?: string;
}
/** Optional settings without a default may be undefined; all others have a value. */
type Value<S, T> = S extends { default: unknown } | { required: true } | { derived: string } ? T : T | undefined;

export const good = <T>(value: T): Parsed<T> => ({ ok: true, value });
export const bad = (problem: string): Parsed<never> => ({ ok: false, problem });

function setting<T>(kind: string, spec: Spec<unknown>, parse: Setting<T>['parse']): Setting<never> {
  const { doc, required = false, derived, default: fallback } = spec;
  return { kind, doc, required, derived, default: fallback, parse: parse as Setting<never>['parse'] };
}

export function string<const S extends Spec<string> & { pattern?: RegExp; shape?: string }>(spec: S) {
  return setting<string>('string', spec, (raw) => {
    if (typeof raw !== 'string') return bad('must be a string');
    if (raw.trim() === '') return bad('must not be empty');
    if (spec.pattern && !spec.pattern.test(raw)) return bad(`must be ${spec.shape}`);
    return good(raw);
  }) as Setting<Value<S, string>>;
}

export function boolean<const S extends Spec<boolean>>(spec: S) {
  return setting<boolean>('true or false', spec, (raw) =>
    typeof raw === 'boolean' ? good(raw) : bad('must be true or false'),
  ) as Setting<Value<S, boolean>>;
}

export function integer<const S extends Spec<number> & { min: number; max: number }>(spec: S) {
  return setting<number>('integer', spec, (raw) =>
    Number.isInteger(raw) ? within(raw as number, spec.min, spec.max, String) : bad('must be a whole number'),
  ) as Setting<Value<S, number>>;
}

export function choice<const C extends readonly string[], const S extends Spec<C[number]>>(choices: C, spec: S) {
  return setting<string>(choices.map((c) => `"${c}"`).join(' or '), spec, (raw) =>
    choices.includes(raw as string) ? good(raw as string) : bad(`must be one of ${choices.join(', ')}`),
  ) as Setting<Value<S, C[number]>>;
}

/** A path; relative ones start at the folder of the config file. */
export function file<const S extends Spec<string>>(spec: S) {
  return setting<string>('file path', spec, (raw, place) =>
    typeof raw === 'string' && raw !== '' && !raw.includes('\0')
      ? good(resolve(place.dir, raw))
      : bad('must be a file path'),
  ) as Setting<Value<S, string>>;
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** "250ms", "10s", "5m", "12h", "30d", also put together ("1h30m"), as milliseconds. */
export function parseDuration(text: string): Milliseconds | undefined {
  if (!/^(\d{1,9}(ms|s|m|h|d))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) {
    sum += Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  }
  return sum;
}

export function duration<const S extends Spec<string> & { min: string; max: string }>(spec: S) {
  const [min, max] = [parseDuration(spec.min), parseDuration(spec.max)] as [number, number];
  return setting<Milliseconds>('duration', spec, (raw) => {
    const ms = typeof raw === 'string' ? parseDuration(raw) : undefined;
    if (ms === undefined) return bad('must be a duration in quotes, such as "500ms", "10s", "5m", "12h" or "30d"');
    return ms >= min && ms <= max ? good(ms) : bad(`must be between ${spec.min} and ${spec.max}`);
  }) as Setting<Value<S, Milliseconds>>;
}

const UNIT_BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** "512B", "32KiB", "64MiB", "2GiB", in bytes. */
export function parseSize(text: string): Bytes | undefined {
  const match = /^(\d{1,9})(B|KiB|MiB|GiB)$/.exec(text);
  return match ? Number(match[1]) * UNIT_BYTES[match[2] as keyof typeof UNIT_BYTES] : undefined;
}

export function size<const S extends Spec<string> & { min: string; max: string }>(spec: S) {
  const [min, max] = [parseSize(spec.min), parseSize(spec.max)] as [number, number];
  return setting<Bytes>('size', spec, (raw) => {
    const bytes = typeof raw === 'string' ? parseSize(raw) : undefined;
    if (bytes === undefined) return bad('must be a size in quotes, such as "512B", "32KiB", "64MiB" or "2GiB"');
    return bytes >= min && bytes <= max ? good(bytes) : bad(`must be between ${spec.min} and ${spec.max}`);
  }) as Setting<Value<S, Bytes>>;
}

/** "host:port", "127.0.0.1:9093" or "[::1]:9093". */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const [host, port] = [match?.[1] ?? match?.[2], Number(match?.[3])];
  if (host === undefined || port > 65_535) return undefined;
  return match?.[1] !== undefined && isIP(host) !== 6 ? undefined : { host, port };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function address<const S extends Spec<string>>(spec: S) {
  return setting<Address>('host:port', spec, (raw) => {
    const parsed = typeof raw === 'string' ? parseAddress(raw) : undefined;
    return parsed ? good(parsed) : bad('must be "host:port", such as "127.0.0.1:9093" or "[::1]:9093"');
  }) as Setting<Value<S, Address>>;
}

/** An http(s) URL without credentials, query and fragment; kept as written, since issuers are compared as text (RFC 8414, 3.3). */
export function url<const S extends Spec<string>>(spec: S) {
  return setting<string>('URL', spec, (raw) => {
    if (typeof raw !== 'string' || !/^https?:\/\/[^\s]+$/.test(raw) || !URL.canParse(raw)) {
      return bad('must be a URL that starts with https:// (or http://)');
    }
    const { username, password, search, hash } = new URL(raw);
    return username || password || search || hash
      ? bad('must have no user name, password, query or fragment')
      : good(raw);
  }) as Setting<Value<S, string>>;
}

/** An IP address, or a network as CIDR. */
export function network<const S extends Spec<string>>(spec: S) {
  return setting<string>('address or network', spec, (raw) => {
    const [address = '', bits, ...rest] = typeof raw === 'string' ? raw.split('/') : [];
    const most = isIP(address) === 6 ? 128 : 32;
    const isMask = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
    return isIP(address) !== 0 && isMask && rest.length === 0
      ? good(raw as string)
      : bad('must be an IP address or a network, such as "10.0.0.0/8"');
  }) as Setting<Value<S, string>>;
}

/** A list of strings, each of which `item` accepts. */
export function list<T extends string, const S extends Spec<readonly string[]>>(item: Setting<T | undefined>, spec: S) {
  return setting<readonly string[]>(`list of ${item.kind}`, spec, (raw, place) => {
    if (!Array.isArray(raw)) return bad('must be a list, such as ["a", "b"]');
    for (const one of raw) {
      const parsed = item.parse(one, place);
      if (!parsed.ok) return bad(`has an item that ${parsed.problem}`);
    }
    return good(raw);
  }) as Setting<Value<S, readonly T[]>>;
}

/** A list of inline tables that have exactly the keys `names`, all strings. */
export function records<const N extends string, const S extends Spec<readonly object[]>>(names: readonly N[], spec: S) {
  const shape = `{ ${names.map((name) => `${name} = "..."`).join(', ')} }`;
  return setting<readonly object[]>(`list of ${shape}`, spec, (raw) => {
    const fits = (one: unknown) =>
      typeof one === 'object' &&
      one !== null &&
      Object.keys(one).length === names.length &&
      names.every((name) => Object.hasOwn(one, name) && typeof Reflect.get(one, name) === 'string');
    if (!Array.isArray(raw) || !raw.every(fits)) return bad(`must be a list of ${shape}`);
    return good(raw.map((one) => Object.fromEntries(names.map((name) => [name, one[name]]))));
  }) as Setting<Value<S, readonly Readonly<Record<N, string>>[]>>;
}

/** An inline table of strings, each under a name that may be any text. */
export function strings<const S extends Spec<object>>(spec: S) {
  return setting<object>('table of strings', spec, (raw) => {
    const isTable = typeof raw === 'object' && raw !== null && !Array.isArray(raw);
    const fits = isTable && Object.values(raw).every((value) => typeof value === 'string' && value !== '');
    return fits ? good({ ...raw }) : bad('must be a table of strings, such as { a = "x", b = "y" }');
  }) as Setting<Value<S, Readonly<Record<string, string>>>>;
}

function within(value: number, min: number, max: number, show: (value: number) => string): Parsed<number> {
  return value >= min && value <= max ? good(value) : bad(`must be between ${show(min)} and ${show(max)}`);
}
