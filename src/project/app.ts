import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError } from '../core/errors.ts';
import type { RunConfig } from '../core/runs.ts';
import { checkFabFormat } from './fab-format.ts';
import { readTomlFile, type TomlTable } from './toml.ts';
import { fieldError, flattenTable, optionalStrings, requiredString, subTable, type TableAt } from './toml-fields.ts';

/** What Flower and `fedctl new` accept as `project.name` (facts 4.1). */
export const APP_NAME = /^[A-Za-z][A-Za-z0-9-]{0,31}$/;

/** A Flower app as its pyproject.toml describes it, validated. */
export interface App {
  readonly dir: string;
  /** Its pyproject.toml. */
  readonly file: string;
  readonly name: string;
  readonly version: string;
  readonly publisher: string;
  /** `publisher/name`, Flower's fab id. */
  readonly id: string;
  /** Object references by component: `serverapp` and `clientapp`, or `agentapp`. */
  readonly components: Readonly<Record<string, string>>;
  /** `[tool.flwr.app.config]`, flattened. */
  readonly config: RunConfig;
  readonly include: readonly string[] | undefined;
  readonly exclude: readonly string[] | undefined;
  /** File that must be in the bundle (`project.license.file` under fab-format-version 1). */
  readonly licenseFile: string | undefined;
  /** All of pyproject.toml. */
  readonly table: TomlTable;
}

/**
 * Reads and validates the app in `dir`.
 * @throws NOT_FOUND APP_NOT_FOUND; INVALID_ARGUMENT CONFIG_* naming file, table and key
 */
export async function readApp(dir: string): Promise<App> {
  const file = join(resolve(dir), 'pyproject.toml');
  const table = await readTomlFile(file);
  if (table === undefined) {
    throw new AppError('NOT_FOUND', 'APP_NOT_FOUND', `There is no Flower app in ${resolve(dir)}: no pyproject.toml.`, {
      hint: "Go to the app's folder, name it, or make an app: fedctl new NAME",
    });
  }
  const root: TableAt = { file, path: '', table };
  const project = requiredTable(root, 'project');
  const app = requiredTable(root, 'tool.flwr.app');
  const name = appName(project);
  const publisher = matching(app, 'publisher', /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'letters, digits, "_" and "-"');
  const config = subTable(app, 'config');
  const components = readComponents(requiredTable(app, 'components'));
  for (const [key, reference] of Object.entries(components)) await checkReference(app, key, reference, resolve(dir));
  return {
    dir: resolve(dir),
    file,
    name,
    version: matching(project, 'version', /^[A-Za-z0-9][A-Za-z0-9.+!_-]{0,63}$/, 'a version such as 1.0.0'),
    publisher,
    id: `${publisher}/${name}`,
    components,
    config: config ? flattenTable(config) : {},
    include: optionalStrings(app, 'fab-include'),
    exclude: optionalStrings(app, 'fab-exclude'),
    licenseFile: checkFabFormat(project, app),
    table,
  };
}

function requiredTable(at: TableAt, key: string): TableAt {
  const found = subTable(at, key);
  if (found) return found;
  const path = at.path === '' ? key : `${at.path}.${key}`;
  throw new AppError('INVALID_ARGUMENT', 'CONFIG_INVALID', `${at.file}: the table [${path}] is missing.`, {
    hint: 'fedctl new makes an app with all that is needed.',
  });
}

function matching(at: TableAt, key: string, pattern: RegExp, wanted: string): string {
  const value = requiredString(at, key);
  if (pattern.test(value)) return value;
  throw fieldError(at, key, `must be ${wanted}, not ${JSON.stringify(value)}`);
}

function appName(project: TableAt): string {
  const wanted = 'at most 32 letters, digits and "-", starting with a letter';
  return matching(project, 'name', APP_NAME, wanted);
}

function readComponents(at: TableAt): Readonly<Record<string, string>> {
  const keys = at.table.agentapp === undefined ? ['serverapp', 'clientapp'] : ['agentapp'];
  return Object.fromEntries(keys.map((key) => [key, requiredString(at, key)]));
}

/** The module must be a file of the app that mentions the attribute; Python itself is not asked. */
async function checkReference(app: TableAt, key: string, reference: string, dir: string): Promise<void> {
  const at = subTable(app, 'components') as TableAt;
  const match = /^([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)(?:\.[A-Za-z_]\w*)*$/.exec(reference);
  if (!match) throw fieldError(at, key, `must look like package.module:app, not ${JSON.stringify(reference)}`);
  const [, module = '', attribute = ''] = match;
  const path = module.replaceAll('.', '/');
  const text = (await readOptional(join(dir, `${path}.py`))) ?? (await readOptional(join(dir, path, '__init__.py')));
  if (text === undefined) throw fieldError(at, key, `names the module ${module}, but there is no ${path}.py`);
  if (!bindsName(text, attribute)) {
    throw fieldError(at, key, `names ${attribute}, which ${path}.py does not have`);
  }
}

/** True if a line of Python seems to bind `name`: a definition, an assignment or an import. */
function bindsName(text: string, name: string): boolean {
  const forms = [
    `^\\s*(?:async\\s+)?(?:def|class)\\s+${name}\\b`,
    `^[\\w ,]*\\b${name}\\b[\\w ,]*\\s*[:=]`,
    `^\\s*(?:from|import)\\b.*(?:\\b${name}\\b|\\*)`,
    `^\\s+(?:\\w+ as )?${name}\\s*,?\\s*$`,
  ];
  return new RegExp(forms.join('|'), 'm').test(text);
}

async function readOptional(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
