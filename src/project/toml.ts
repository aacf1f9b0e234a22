import { open } from 'node:fs/promises';
import TOMLParser from '@iarna/toml/lib/toml-parser.js';
import { AppError, isAppError } from '../core/errors.ts';
import { checkTomlShape, MAX_TOML_DEPTH, type TomlFault } from '../core/toml-shape.ts';

const KiB = 1024;
export const MAX_TOML_BYTES = 256 * KiB;

/** bigint is a TOML integer, number a float: Flower keeps them apart. */
export type TomlValue = boolean | bigint | number | string | Date | readonly TomlValue[] | TomlTable;
/** Has no prototype: any key is data. */
export interface TomlTable {
  readonly [key: string]: TomlValue;
}

const MIN_INT64 = -(1n << 63n);
const MAX_INT64 = (1n << 63n) - 1n;

/** Keys that the parser, or any later `table[key]`, would find on Object.prototype (security.md T-26). */
function isForbiddenKey(key: string): boolean {
  return key === 'prototype' || key in Object.prototype;
}

/** Keeps integers apart from floats, which @iarna/toml folds into one type, and refuses forbidden keys before they are looked up. */
class TypedParser extends TOMLParser {
  protected override return(value?: unknown): unknown {
    return super.return(this.#typed(value));
  }
  protected override recordAssignKeyword(key: string): unknown {
    return super.recordAssignKeyword(this.#allowed(key));
  }
  protected override parseTableMore(key: string): unknown {
    return super.parseTableMore(this.#allowed(key));
  }
  protected override parseListMore(key: string): unknown {
    return super.parseListMore(this.#allowed(key));
  }

  #allowed(key: string): string {
    if (isForbiddenKey(key)) throw this.error(new SyntaxError(`The key "${key}" is not allowed`));
    return key;
  }

  /** The parser boxes numbers and tags them with a private symbol; the raw text is still in its buffer. */
  #typed(value: unknown): unknown {
    if (value instanceof Date) return withSpelling(value, `${this.state.result}${this.state.buf}`);
    const type = numberType(value);
    if (type === 'float') return Number(value);
    if (type !== 'integer') return value;
    const integer = BigInt(this.state.buf);
    if (integer < MIN_INT64 || integer > MAX_INT64) throw this.error(new SyntaxError('Integers have at most 64 bits'));
    return integer;
  }
}

/** A Date forgets the offset and the microseconds of a date and time; `spelling` keeps them for who writes it again. */
function withSpelling(value: Date & { isDate?: boolean; isTime?: boolean }, spelling: string): Date {
  return value.isDate || value.isTime ? value : Object.defineProperty(value, 'spelling', { value: spelling });
}

function numberType(value: unknown): 'integer' | 'float' | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const tag = Object.getOwnPropertySymbols(value).find((symbol) => symbol.description === 'type');
  const name = tag === undefined ? undefined : (value as Record<symbol, unknown>)[tag];
  const type = typeof name === 'symbol' ? name.description : undefined;
  return type === 'integer' || type === 'float' ? type : undefined;
}

function copyValue(value: unknown): TomlValue {
  if (Array.isArray(value)) return value.map(copyValue);
  if (typeof value !== 'object' || value === null) return value as TomlValue;
  return value instanceof Date ? value : copyTable(value);
}

function copyTable(source: object): TomlTable {
  const table: Record<string, TomlValue> = Object.create(null);
  for (const [key, value] of Object.entries(source)) table[key] = copyValue(value);
  return table;
}

/**
 * The document that `text` spells, in null-prototype tables.
 * @param file named in errors
 * @throws INVALID_ARGUMENT CONFIG_TOO_LARGE, CONFIG_TOO_DEEP, CONFIG_SYNTAX (with line and column)
 */
export function parseToml(text: string, file: string): TomlTable {
  if (Buffer.byteLength(text) > MAX_TOML_BYTES) throw tooLarge(file);
  const fault = checkTomlShape(text);
  if (fault !== undefined) throw shapeError(fault, file);
  const parser = new TypedParser();
  try {
    // As Flower's own parser does; this one takes the CR of a CRLF at the end of a comment for a control character.
    parser.parse(text.replaceAll('\r\n', '\n'));
    return copyTable(parser.finish());
  } catch (error) {
    throw syntaxError(error, file);
  }
}

function shapeError({ kind, line }: TomlFault, file: string): AppError {
  const [reason, what] =
    kind === 'deep'
      ? ['CONFIG_TOO_DEEP', `nested deeper than ${MAX_TOML_DEPTH}`]
      : ['CONFIG_TOO_LARGE', 'a key or number that is too long'];
  return new AppError('INVALID_ARGUMENT', reason, `${file}:${line}: ${what}.`);
}

function syntaxError(error: unknown, file: string): AppError {
  const { line, col, message } = error as { line?: number; col?: number; message?: string };
  const place = line === undefined ? '' : `:${line + 1}:${(col ?? 0) + 1}`;
  const what = (message ?? 'not TOML').split('\n', 1)[0]?.replace(/\.$/, '');
  return new AppError('INVALID_ARGUMENT', 'CONFIG_SYNTAX', `${file}${place}: ${what}.`, { cause: error });
}

function tooLarge(file: string): AppError {
  return new AppError('INVALID_ARGUMENT', 'CONFIG_TOO_LARGE', `${file}: larger than ${MAX_TOML_BYTES / KiB} KiB.`);
}

/**
 * Reads and parses a TOML file; never more than {@link MAX_TOML_BYTES} of it.
 * @returns undefined where there is no such file
 * @throws INVALID_ARGUMENT CONFIG_* as parseToml does; FAILED_PRECONDITION CONFIG_UNREADABLE
 */
export async function readTomlFile(file: string): Promise<TomlTable | undefined> {
  const bytes = await readCapped(file);
  if (bytes === undefined) return undefined;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new AppError('INVALID_ARGUMENT', 'CONFIG_SYNTAX', `${file}: not valid UTF-8.`, { cause: error });
  }
  return parseToml(text, file);
}

async function readCapped(file: string): Promise<Buffer | undefined> {
  try {
    await using handle = await open(file, 'r');
    const stat = await handle.stat();
    if (!stat.isFile()) throw new AppError('FAILED_PRECONDITION', 'CONFIG_UNREADABLE', `${file}: not a file.`);
    const buffer = Buffer.alloc(MAX_TOML_BYTES + 1);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    if (bytesRead > MAX_TOML_BYTES) throw tooLarge(file);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (isAppError(error)) throw error;
    throw new AppError('FAILED_PRECONDITION', 'CONFIG_UNREADABLE', `${file}: can't be read (${code}).`, {
      cause: error,
    });
  }
}
