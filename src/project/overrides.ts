import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { AppError, isAppError } from '../core/errors.ts';
import type { RunConfig, Scalar } from '../core/runs.ts';
import { nearMatches } from './near.ts';
import { parseToml, readTomlFile } from './toml.ts';
import { flattenTable } from './toml-fields.ts';

/** flwr's own grammar: `key=value`, where a value in quotes may hold spaces (facts 4.2). */
const PAIR = /(\S+?)=('[^']*'|"[^"]*"|\S+)/g;

export interface OverridesInput {
  /** The option as the person typed it, for errors: `--run-config`. */
  readonly option: string;
  /** Its values, in order. */
  readonly values: readonly string[];
  readonly cwd: string;
  /** Where a key must exist (`[tool.flwr.app.config]`, flattened); undefined = any key goes. */
  readonly base: RunConfig | undefined;
}

function wrong(option: string, what: string, hint: string, cause?: unknown): AppError {
  return new AppError('INVALID_ARGUMENT', 'OVERRIDE_INVALID', `${option}: ${what}.`, { hint, cause });
}

/**
 * What `--run-config` or `--federation-config` change: pairs, or one `.toml` file. Later values win.
 * Unlike flwr, text that is no pair is refused, not skipped.
 * @throws INVALID_ARGUMENT OVERRIDE_INVALID, OVERRIDE_UNKNOWN_KEY; CONFIG_* for a file
 */
export async function parseOverrides({ option, values, cwd, base }: OverridesInput): Promise<RunConfig> {
  const given = values.filter((value) => value.trim() !== '');
  const files = given.filter((value) => value.endsWith('.toml'));
  if (files.length > 0 && given.length > 1) {
    throw wrong(option, `the file ${files[0]} can't be mixed with other values`, 'Give one .toml file, or pairs only.');
  }
  const [file] = files;
  const flat = file === undefined ? parsePairs(option, given) : await readFlat(option, file, cwd);
  if (base !== undefined) checkKeys(option, flat, base);
  return flat;
}

async function readFlat(option: string, file: string, cwd: string): Promise<RunConfig> {
  const path = resolve(cwd, file.replace(/^~(?=\/)/, homedir()));
  const table = await readTomlFile(path);
  if (table === undefined) throw wrong(option, `there is no file ${path}`, 'Correct the path.');
  return flattenTable({ file: path, path: '', table });
}

function parsePairs(option: string, values: readonly string[]): RunConfig {
  const flat: Record<string, Scalar> = Object.create(null);
  for (const value of values) Object.assign(flat, parseLine(option, value));
  return flat;
}

function parseLine(option: string, value: string): RunConfig {
  const rest = value.replaceAll(PAIR, ' ').trim();
  if (rest !== '') {
    throw wrong(option, `${JSON.stringify(rest)} is no key=value`, `Write pairs, as in 'lr=0.1 name="a b"'.`);
  }
  const document = [...value.matchAll(PAIR)].map(([, key, text]) => `${key} = ${text}`).join('\n');
  try {
    return flattenTable({ file: option, path: '', table: parseToml(document, option) });
  } catch (error) {
    if (!isAppError(error) || error.reason !== 'CONFIG_SYNTAX') throw error;
    const hint = `Values are integers, floats, true, false, or strings in quotes: 'lr=0.1 name="a b"'.`;
    throw wrong(option, `${JSON.stringify(value)} can't be read as TOML values`, hint, error);
  }
}

function checkKeys(option: string, flat: RunConfig, base: RunConfig): void {
  const known = Object.keys(base);
  const unknown = Object.keys(flat).find((key) => !Object.hasOwn(base, key));
  if (unknown === undefined) return;
  const near = nearMatches(unknown, known);
  const hint =
    known.length === 0
      ? 'The app has no [tool.flwr.app.config].'
      : near.length > 0
        ? `Did you mean ${near.join(' or ')}?`
        : `Its keys are: ${known.slice(0, 20).join(', ')}.`;
  const text = `${option}: [tool.flwr.app.config] has no key ${JSON.stringify(unknown)}.`;
  throw new AppError('INVALID_ARGUMENT', 'OVERRIDE_UNKNOWN_KEY', text, { hint });
}
