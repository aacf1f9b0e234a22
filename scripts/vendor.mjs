// Bundles the packages that every command loads into one file each, and lets the compiled modules import those (docs/decisions/0006).
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';

const VENDOR = 'dist/vendor';
/** File -> what it holds: the prefix of its exports, and the module that the sources import. */
const BUNDLES = {
  oclif: {
    run_: '@oclif/core/run',
    command_: '@oclif/core/command',
    flags_: '@oclif/core/flags',
    args_: '@oclif/core/args',
  },
  toml: { parser_: '@iarna/toml/lib/toml-parser.js' },
  grpc: { grpc_: '@grpc/grpc-js', wire_: '@bufbuild/protobuf/wire' },
};
const PLACES = new Map(
  Object.entries(BUNDLES).flatMap(([bundle, parts]) =>
    Object.entries(parts).map(([prefix, module]) => [module, { bundle, prefix }]),
  ),
);
/** Never reached by us: a compiler for commands in TypeScript, and what channelz and ORCA load when they are used. */
const EXTERNAL = ['typescript', '@grpc/proto-loader'];
/** CommonJS modules inside need what CommonJS gives them. */
const BANNER = `import { createRequire as createVendorRequire } from 'node:module';
const require = createVendorRequire(import.meta.url);
const __dirname = import.meta.dirname;`;
const IMPORT = /import (?:\{([^}]*)\}|(\w+)) from (['"])([^'"]+)\3/g;

/** Rewrites and bundles. @throws where a module of dist imports a bundled package in a form that is not known here */
export async function vendor() {
  const used = new Map([...PLACES.keys()].map((module) => [module, new Set()]));
  const files = readdirSync('dist', { recursive: true, encoding: 'utf8' });
  for (const name of files) if (name.endsWith('.js')) rewrite(join('dist', name), used);
  const inputs = await Promise.all(Object.keys(BUNDLES).map((name) => bundle(name, used)));
  writeFileSync(join(VENDOR, 'LICENSES.txt'), licences(inputs.flat()));
}

/** Lets a compiled module import the bundles, and adds the names that it imports to those of their modules. */
function rewrite(file, used) {
  const text = readFileSync(file, 'utf8');
  const rewritten = text.replace(IMPORT, (statement, names, all, quote, module) => {
    const place = PLACES.get(module);
    if (place === undefined) return statement;
    const path = relative(dirname(file), join(VENDOR, `${place.bundle}.js`)).replace(/^(?!\.)/, './');
    const wanted = parseNames(names ?? `default as ${all}`);
    for (const { name } of wanted) used.get(module).add(name);
    const renamed = wanted.map(({ name, local }) => `${place.prefix}${name} as ${local}`);
    return `import { ${renamed.join(', ')} } from ${quote}${path}${quote}`;
  });
  const left = [...PLACES.keys()].filter(
    (module) => rewritten.includes(`'${module}'`) || rewritten.includes(`"${module}"`),
  );
  if (left.length > 0)
    throw new Error(`${file} names ${left.join(', ')} in a way that scripts/vendor.mjs can't change.`);
  if (rewritten !== text) writeFileSync(file, rewritten);
}

/** `a, b as c,` of an import. */
function parseNames(list) {
  const parts = list.split(',').map((part) => part.trim());
  return parts.filter(Boolean).map((part) => {
    const [name, local = name] = part.split(' as ');
    return { name, local };
  });
}

/** Writes one bundle, which exports what is used. @returns the files that are in it */
async function bundle(name, used) {
  // Prefixed, since several modules of a bundle export the same names.
  const contents = Object.entries(BUNDLES[name]).flatMap(([prefix, module]) => [
    `import * as ${prefix} from '${module}';`,
    ...[...used.get(module)].sort().map((one) => `export const ${prefix}${one} = ${prefix}.${one};`),
  ]);
  const { metafile } = await build({
    stdin: { contents: contents.join('\n'), resolveDir: process.cwd() },
    outfile: join(VENDOR, `${name}.js`),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    external: EXTERNAL,
    banner: { js: BANNER },
    metafile: true,
    logLevel: 'warning',
  });
  const [output] = Object.values(metafile.outputs);
  return Object.entries(output.inputs).flatMap(([input, { bytesInOutput }]) => (bytesInOutput > 0 ? [input] : []));
}

/** The licences of the packages that hold `inputs`: whoever hands on their code hands on these. */
function licences(inputs) {
  const packages = new Map();
  for (const input of inputs) {
    const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (folder === undefined) continue;
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const title = `${name} ${version}: ${license}`;
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    // Some packages say it at the head of their files only.
    const text = file === undefined ? headOf(input) : readFileSync(join(folder, file), 'utf8').trim();
    packages.set(title, (packages.get(title) ?? new Set()).add(text));
  }
  const sorted = [...packages].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([title, texts]) => `${title}\n\n${[...texts].join('\n\n')}\n`).join(`\n${'-'.repeat(80)}\n\n`);
}

function headOf(file) {
  return /^(?:\/\/.*\n)*/.exec(readFileSync(file, 'utf8'))[0].trim();
}
