import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A secret that occurred; `name` says which, so that a failing test need not print it. */
export interface Canary {
  readonly name: string;
  readonly text: string;
}

/** Tokens of one login as canaries; of a JWT its signature too, which alone makes it worth anything. */
export function tokenCanaries(name: string, { access, refresh }: { access: string; refresh: string }): Canary[] {
  return [
    { name: `${name}: access token`, text: access },
    { name: `${name}: signature of the access token`, text: access.split('.')[2] ?? '' },
    { name: `${name}: refresh token`, text: refresh },
  ];
}

/** Programs that run now and hold `mark` in their command line or environment: what others on the machine may see of them. */
export function runningPrograms(mark: string): Map<string, Buffer> {
  const sinks = new Map<string, Buffer>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const read = (file: string): Buffer => {
      try {
        return readFileSync(`/proc/${pid}/${file}`);
      } catch {
        return Buffer.alloc(0);
      }
    };
    const [argv, environment] = [read('cmdline'), read('environ')];
    // Tests themselves know the passwords of those whom they play.
    if (environment.includes('JEST_WORKER_ID=')) continue;
    if (!argv.includes(mark) && !environment.includes(mark)) continue;
    sinks.set(`argv of ${pid}`, argv);
    sinks.set(`environment of ${pid}`, environment);
  }
  return sinks;
}

/** What the dev identity provider gave to the control plane alone: device codes, access and refresh tokens. */
export function providerCanaries(state: string): Canary[] {
  const database = new DatabaseSync(join(state, 'idp/idp.db'), { readOnly: true });
  try {
    const sql = "SELECT model, id FROM entry WHERE model IN ('DeviceCode', 'AccessToken', 'RefreshToken')";
    const rows = database.prepare(sql).all() as { model: string; id: string }[];
    return rows.map(({ model, id }) => ({ name: `identity provider: ${model}`, text: id }));
  } finally {
    database.close();
  }
}

/** The stack's own secrets: client secret, master key, passwords. */
export function stackCanaries(state: string, accounts: readonly { name: string; password: string }[]): Canary[] {
  const files = ['client-secret', 'master.key'];
  return [
    ...files.map((name) => ({ name, text: readFileSync(join(state, name), 'utf8').trim() })),
    ...accounts.map(({ name, password }) => ({ name: `password of ${name}`, text: password })),
  ];
}

/** Where secrets live by design. */
const SAFES = ['idp', 'tls', 'client-secret', 'master.key'];

/** Every file of the stack's state that may not hold a secret, with its content as it is on disk now. */
export function sinksOf(state: string): Map<string, Buffer> {
  const files = readdirSync(state, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => relative(state, join(entry.parentPath, entry.name)));
  const sinks = paths.filter((path) => !SAFES.includes(path.split('/')[0] ?? ''));
  return new Map(sinks.map((path) => [path, readFileSync(join(state, path))]));
}

/** As it is, and as encodings make of it: a URL, a form, hex, and base64 at each of its three alignments. */
function formsOf(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  // The first and the last characters of base64 depend on what stands around.
  const base64 = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(before === 0 ? 0 : before + 1, -4),
  );
  const urlSafe = base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'));
  return [...new Set([text, encodeURIComponent(text), bytes.toString('hex'), ...base64, ...urlSafe])];
}

/** Which canary is in which sink, in whatever form. @throws where a canary is too short to mean anything */
export function findCanaries(canaries: readonly Canary[], sinks: ReadonlyMap<string, Buffer>): string[] {
  const found: string[] = [];
  for (const { name, text } of canaries) {
    if (text.length < 12) throw new Error(`The canary "${name}" is too short.`);
    const forms = formsOf(text);
    for (const [sink, content] of sinks) {
      if (forms.some((form) => content.includes(form))) found.push(`${name} in ${sink}`);
    }
  }
  return found;
}
