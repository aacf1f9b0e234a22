import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../core/errors.ts';
import { checkConnectionName } from '../core/ids.ts';
import { parseAddress } from './address.ts';
import { APP_NAME } from './app.ts';
import { tomlString } from './toml-text.ts';

export const TEMPLATES = ['numpy', 'pytorch'] as const;
export type Template = (typeof TEMPLATES)[number];

export interface NewApp {
  readonly name: string;
  readonly template: Template;
  /** Folder to make; must not exist. */
  readonly dir: string;
  readonly publisher: string;
  /** Becomes `[tool.flwr.federations.NAME]` and the default. */
  readonly federation?: {
    readonly name: string;
    readonly address: string;
    /** Path of a PEM file, absolute or relative to `dir`. */
    readonly rootCertificates?: string;
  };
}

/** src/project and dist/project are equally deep. */
const TEMPLATE_DIR = fileURLToPath(new URL('../../templates/apps/', import.meta.url));

/** Modules of Python or Flower that an app named like them would hide. */
const TAKEN_MODULES = new Set([
  'flwr',
  'numpy',
  'torch',
  'test',
  'tests',
  'site',
  'code',
  'types',
  'random',
  'time',
  'json',
  'app',
]);

/** A Python package name for an app's name: `my-app` becomes `my_app`. */
export function moduleName(name: string): string {
  const module = name.toLowerCase().replaceAll('-', '_').replace(/_+$/, '');
  return TAKEN_MODULES.has(module) || PYTHON_KEYWORDS.has(module) ? `${module}_app` : module;
}

const PYTHON_KEYWORDS = new Set(
  'and as assert async await break class continue def del elif else except false finally for from global if import in is lambda none nonlocal not or pass raise return true try while with yield match case'.split(
    ' ',
  ),
);

/**
 * Makes a Flower app from a template.
 * @returns the files made, relative to `dir`
 * @throws INVALID_ARGUMENT APP_NAME_INVALID, PUBLISHER_INVALID, TEMPLATE_UNKNOWN, CONFIG_INVALID; ALREADY_EXISTS APP_EXISTS
 */
export async function createApp(app: NewApp): Promise<readonly string[]> {
  checkNewApp(app);
  const from = join(TEMPLATE_DIR, app.template);
  const module = moduleName(app.name);
  const words = { name: app.name, module, publisher: app.publisher };
  await makeFolder(resolve(app.dir));
  const files = await listTemplate(from);
  const made = files.map((file) => targetPath(file, module));
  for (const [index, file] of files.entries()) {
    const text = fillIn(await readFile(join(from, file), 'utf8'), words);
    const full = file === 'pyproject.toml' ? text + federationText(app) : text;
    const path = join(resolve(app.dir), made[index] as string);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, full, { flag: 'wx' });
  }
  return made.sort();
}

function checkNewApp({ name, template, publisher, federation }: NewApp): void {
  if (!APP_NAME.test(name)) {
    throw new AppError('INVALID_ARGUMENT', 'APP_NAME_INVALID', `${JSON.stringify(name)} can't name an app.`, {
      hint: 'Use at most 32 letters, digits and "-", starting with a letter.',
    });
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(publisher)) {
    throw new AppError(
      'INVALID_ARGUMENT',
      'PUBLISHER_INVALID',
      `${JSON.stringify(publisher)} can't name a publisher.`,
      {
        hint: 'Use letters, digits, "_" and "-", for example your account or your lab.',
      },
    );
  }
  if (!TEMPLATES.includes(template)) {
    throw new AppError('INVALID_ARGUMENT', 'TEMPLATE_UNKNOWN', `There is no template ${JSON.stringify(template)}.`, {
      hint: `Templates: ${TEMPLATES.join(', ')}.`,
    });
  }
  if (federation === undefined) return;
  checkConnectionName(federation.name);
  const parsed = parseAddress(federation.address);
  if (!('problem' in parsed)) return;
  throw new AppError(
    'INVALID_ARGUMENT',
    'CONFIG_INVALID',
    `The address ${JSON.stringify(federation.address)} ${parsed.problem}.`,
  );
}

async function makeFolder(dir: string): Promise<void> {
  try {
    await mkdir(dirname(dir), { recursive: true });
    await mkdir(dir);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') {
      throw new AppError('ALREADY_EXISTS', 'APP_EXISTS', `${dir} exists already.`, { hint: 'Choose another name.' });
    }
    throw new AppError('FAILED_PRECONDITION', 'APP_NOT_MADE', `${dir} can't be made (${code}).`, { cause: error });
  }
}

async function listTemplate(from: string): Promise<readonly string[]> {
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'))
    .map((entry) => join(entry.parentPath, entry.name).slice(from.length + 1));
}

/** npm drops files named `.gitignore` from packages, so the template's has no dot. */
function targetPath(file: string, module: string): string {
  return file === 'gitignore' ? '.gitignore' : file.replace(/^app\//, `${module}/`);
}

function fillIn(text: string, words: Readonly<Record<string, string>>): string {
  return text.replace(/\{\{(\w+)\}\}/g, (whole, word: string) => words[word] ?? whole);
}

function federationText({ federation }: NewApp): string {
  if (federation === undefined) {
    return `
# The server to run on, where ~/.flwr/config.toml does not name it in [superlink.NAME]. Then: fedctl login
# [tool.flwr.federations.NAME]
# address = "host:9093"
# root-certificates = "ca.pem"
`;
  }
  const { name, address, rootCertificates } = federation;
  const lines = ['', '[tool.flwr.federations]', `default = ${tomlString(name)}`, ''];
  lines.push(`[tool.flwr.federations.${tomlKey(name)}]`, `address = ${tomlString(address)}`);
  if (rootCertificates !== undefined) {
    const path = isAbsolute(rootCertificates) ? rootCertificates : join('.', rootCertificates);
    lines.push(`root-certificates = ${tomlString(path)}`);
  }
  lines.push('enable-user-auth = true', '');
  return lines.join('\n');
}

function tomlKey(name: string): string {
  return name.includes('.') ? tomlString(name) : name;
}
