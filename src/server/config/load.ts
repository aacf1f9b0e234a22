import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from '@iarna/toml';
import { AppError } from '../../core/errors.ts';
import { deriveValues } from './derive.ts';
import { unusableFiles } from './files.ts';
import { configError, type Problem } from './problems.ts';
import { brokenRules } from './rules.ts';
import { outlineToml, type TomlOutline } from './source.ts';
import { readTables } from './tables.ts';
import type { ServerConfig } from './types.ts';

const KiB = 1024;
const MAX_BYTES = 256 * KiB;
const MAX_DEPTH = 16;

/**
 * The configuration in `file`, checked: values, rules between them, and the files that it names.
 * @throws INVALID_ARGUMENT CONFIG_INVALID with all problems, a line each ("server.toml:12: [server] tls-cert is missing.")
 * @throws NOT_FOUND CONFIG_NOT_FOUND, FAILED_PRECONDITION CONFIG_UNREADABLE
 */
export async function loadConfig(file: string): Promise<ServerConfig> {
  const text = await readText(file);
  const outline = outlineToml(text);
  const config = parseConfig(text, file, outline);
  const problems = await unusableFiles(config);
  if (problems.length > 0) throw configError(file, problems, outline.lines);
  return config;
}

/** As {@link loadConfig}, from a text; looks at no file. `file` names the text in errors and its folder is the base of relative paths. */
export function parseConfig(text: string, file: string, outline: TomlOutline = outlineToml(text)): ServerConfig {
  return settle(parseToml(text, file, outline), file, outline.lines);
}

/** A configuration from plain tables as they would stand in TOML; for programs that start a server of their own. Looks at no file. */
export function configFrom(tables: object, dir: string): ServerConfig {
  return settle(tables, resolve(dir, 'config'), new Map());
}

function settle(tables: object, file: string, lines: ReadonlyMap<string, number>): ServerConfig {
  const { config, problems } = readTables(tables, { dir: dirname(resolve(file)) });
  if (problems.length > 0) throw configError(file, problems, lines);
  const broken = brokenRules(config);
  if (broken.length > 0) throw configError(file, broken, lines);
  return deriveValues(config);
}

function parseToml(text: string, file: string, outline: TomlOutline): object {
  const whole = (problem: string): AppError =>
    configError(file, [{ path: '', problem } satisfies Problem], outline.lines);
  if (Buffer.byteLength(text) > MAX_BYTES) throw whole('is larger than 256 KiB');
  if (outline.depth > MAX_DEPTH) throw whole(`nests deeper than ${MAX_DEPTH} levels`);
  try {
    return parse(text);
  } catch (error) {
    const { line, message } = error as { line?: number; message: string };
    const reason = message.split(/ at row |\n/)[0]?.replace(/[^\x20-\x7e]/g, '?');
    throw configError(
      line === undefined ? file : `${file}:${line + 1}`,
      [{ path: '', problem: `is not TOML: ${reason}` }],
      new Map(),
    );
  }
}

/** The text of a configuration, of at most 256 KiB. @throws NOT_FOUND CONFIG_NOT_FOUND, FAILED_PRECONDITION CONFIG_UNREADABLE */
export async function readText(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r');
    const { buffer, bytesRead } = await handle
      .read(Buffer.alloc(MAX_BYTES + 1), 0, MAX_BYTES + 1, 0)
      .finally(() => handle.close());
    return new TextDecoder('utf-8', { fatal: bytesRead <= MAX_BYTES }).decode(buffer.subarray(0, bytesRead));
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): AppError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') {
    return new AppError('NOT_FOUND', 'CONFIG_NOT_FOUND', `There is no file ${file}.`, {
      hint: 'Make one with: fedctl server init',
      cause: error,
    });
  }
  const why = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : (code ?? 'unknown error');
  return new AppError('FAILED_PRECONDITION', 'CONFIG_UNREADABLE', `Can't read ${file}: ${why}.`, { cause: error });
}
