import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { placesOf, withConnection, withDefault, withoutConnection } from '../../../src/project/config-edit.ts';
import { parseToml, type TomlTable } from '../../../src/project/toml.ts';
import { statementsOf } from '../../../src/project/toml-spans.ts';

const entry = (over = {}) => ({
  name: 'lab',
  address: 'lab.example.org:9093',
  rootCertificates: undefined,
  insecure: false,
  federation: undefined,
  ...over,
});

type Section = Record<string, unknown>;
const sectionOf = (text: string) => (parseToml(text, 'f').superlink ?? {}) as Section;

describe('spans', () => {
  test('finds each statement with its path, over strings, arrays and comments that look like others', () => {
    const text = [
      'a.b = 1 # [x]',
      '[ superlink . "la.b" ]  # here',
      'text = """',
      '[superlink.fake]',
      'x""""',
      'list = [ # ]',
      '  "]", \'[\',',
      ']',
      "'k 1'.c = '''",
      "no = '1'",
      "'''",
      '[[ t ]]',
      'u = {v = "}", w = [1]}',
    ].join('\n');
    const found = statementsOf(text).map(({ kind, path, value }) => [
      kind,
      path.join('/'),
      value && text.slice(value.start, value.end),
    ]);
    expect(found).toEqual([
      ['pair', 'a/b', '1'],
      ['table', 'superlink/la.b', undefined],
      ['pair', 'superlink/la.b/text', '"""\n[superlink.fake]\nx""""'],
      ['pair', 'superlink/la.b/list', '[ # ]\n  "]", \'[\',\n]'],
      ['pair', 'superlink/la.b/k 1/c', "'''\nno = '1'\n'''"],
      ['list', 't', undefined],
      ['pair', 't/u', '{v = "}", w = [1]}'],
    ]);
  });

  test('anything is edited right or refused', () => {
    const unit = fc.constantFrom(
      '[',
      ']',
      '"',
      "'",
      '=',
      '.',
      '#',
      '\n',
      '\r',
      ' ',
      'a',
      '{',
      '\\',
      'superlink',
      '1',
      '}',
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 24 }), (text) => {
        try {
          const edited = withConnection(text, entry(), 'f');
          expect(sectionOf(edited)).toEqual({ ...sectionOf(text), lab: { address: 'lab.example.org:9093' } });
        } catch (error) {
          expect((error as { reason?: string }).reason).toMatch(/^CONFIG_/);
        }
      }),
      { numRuns: 1_500 },
    );
  });
});

describe('edits of config.toml', () => {
  test('a new file gets what flwr reads', () => {
    const text = withConnection(withDefault('', 'lab', 'f'), entry({ rootCertificates: '/ca.pem' }), 'f');
    expect(text).toBe(
      '[superlink]\ndefault = "lab"\n\n[superlink.lab]\naddress = "lab.example.org:9093"\nroot-certificates = "/ca.pem"\n',
    );
  });

  test('only the value of the default changes', () => {
    const text = "# top\r\n[superlink] # all\r\n  default  =  'a'   # why\r\n\r\n[superlink.a]\r\naddress = 'x:1'\r\n";
    expect(withDefault(text, 'b', 'f')).toBe(text.replace("'a'", '"b"'));
  });

  test('a removed connection takes its keys and what is between them along, and no comment of others', () => {
    const text =
      '# top\n[superlink]\ndefault = "b"\n\n# about a\n[superlink.a]\naddress = "x:1"\n# half\noptions.n = 1\n# about b\n[superlink.b]\naddress = "y:1"\n';
    expect(withoutConnection(text, { name: 'a', andDefault: false }, 'f')).toBe(
      '# top\n[superlink]\ndefault = "b"\n\n# about a\n# about b\n[superlink.b]\naddress = "y:1"\n',
    );
  });

  test.each([
    ['[superlink]\ndefault = "a"\n\n# [superlink.old]\n# address = "o:1"\n\n[superlink.a]\naddress = "x:1"\n'],
    ['[superlink]\ndefault = "a"\n# [superlink.old]\na.address = "x:1"\n'],
    ['[superlink.a]\naddress = "x:1"\n# [superlink.old]\n[superlink.a.options]\nn = 1\n'],
  ])('%j: what is commented out between its tables and the default stays', (text) => {
    const edited = withoutConnection(text, { name: 'a', andDefault: true }, 'f');
    expect(edited).toContain('# [superlink.old]');
    expect(edited).not.toContain('x:1');
  });

  test.each([
    ['superlink = { default = "a", a = { address = "x:1" } }', 1],
    ['\n# c\n[[superlink]]\na = 1', 3],
  ])('%j is left alone, and the sentence names the line', (text, line) => {
    const edits = [
      () => withDefault(text, 'b', 'f'),
      () => withConnection(text, entry(), 'f'),
      () => withoutConnection(text, { name: 'a', andDefault: false }, 'f'),
    ];
    for (const edit of edits) {
      expect(edit).toThrow(expect.objectContaining({ reason: 'CONFIG_NOT_EDITABLE' }));
      expect(edit).toThrow(`f:${line}:`);
    }
  });

  test('a text that does not parse is refused', () => {
    const text = '[superlink\n';
    for (const edit of [() => withDefault(text, 'b', 'f'), () => withConnection(text, entry(), 'f')])
      expect(edit).toThrow(expect.objectContaining({ reason: 'CONFIG_SYNTAX' }));
  });

  test('T-26: a name that no table may have is refused', () => {
    expect(() => withConnection('', entry({ name: 'constructor' }), 'f')).toThrow('is not allowed');
  });

  test('tells where a connection and the default stand', () => {
    const text = '[tool.flwr.federations]\n\ndefault = "b"\nlab.address = "x:1"\n';
    expect(placesOf(text, ['tool', 'flwr', 'federations'], 'lab')).toEqual({ connection: 4, default: 3 });
    expect(placesOf(text, ['tool', 'flwr', 'federations'], 'c')).toEqual({ connection: undefined, default: 3 });
  });
});

const NAMES = ['lab', 'b.eu', '9', 'x-y'];
const quoted = (name: string) => (name.includes('.') ? `"${name}"` : name);
const trivia = fc.constantFrom('', '# a comment with [superlink.lab]', '   ', '\t# "', '#');
const values = fc.constantFrom(
  '"lab:1" # and why',
  "'''\n[superlink.lab]\naddress = 1'''",
  '"""a\n# no comment\n\\""""',
  '[\n  1, # ]\n  2,\n]',
  '{ n = 1, "s t" = "}" }',
  '1979-05-27',
  '0.5',
  'true',
);
const spelt = (name: string) =>
  fc.constantFrom(quoted(name), `"${name}"`, `'${name}'`, ` ${quoted(name)} `).map((text) => text);

/** One connection in any of the ways that TOML has for it, below `[superlink]` or as tables of its own. */
function connectionLines(name: string) {
  const pair = fc.tuple(fc.constantFrom('address', 'note', '"odd key"'), values);
  const table = fc
    .tuple(spelt(name), fc.uniqueArray(pair, { maxLength: 3, selector: ([key]) => key }), trivia, fc.boolean())
    .map(([key, pairs, between, more]) => ({
      inside: [] as string[],
      own: [
        `[superlink.${key}]`,
        ...pairs.flatMap(([one, value]) => [`${one} = ${value}`, between]),
        ...(more ? [`[ superlink.${key} . options ]  # more`, 'num-supernodes = 2'] : []),
      ],
    }));
  const dotted = fc.tuple(spelt(name), values).map(([key, value]) => ({
    inside: [`${key}.address = ${value}`, `${key}.options.n = 1`],
    own: [] as string[],
  }));
  const inline = spelt(name).map((key) => ({
    inside: [`${key} = { address = "x:1", n = [1, 2] }`],
    own: [] as string[],
  }));
  return fc.oneof(table, dotted, inline);
}

const file = fc
  .tuple(
    fc.subarray(NAMES).chain((names) => fc.tuple(...names.map(connectionLines))),
    fc.option(fc.constantFrom('lab', 'b.eu')),
    fc.array(trivia, { maxLength: 3 }),
    fc.boolean(),
    fc.constantFrom('\n', '\r\n'),
    fc.boolean(),
  )
  .map(([connections, chosen, comments, others, eol, closed]) => {
    const inside = connections.flatMap((one) => one.inside);
    const head = chosen === null && inside.length === 0 ? [] : ['[superlink]'];
    const lines = [
      ...(others ? ['title = "[superlink]"', ...comments, '[other]', 'default = 1', '[other.lab]', 'address = 1'] : []),
      ...comments,
      ...head,
      ...(chosen === null ? [] : [`default = '${chosen}' # of all`]),
      ...comments,
      ...inside,
      ...connections.flatMap((one) => [...comments, ...one.own]),
      ...(others ? ['[[list]]', 'superlink.lab = 1'] : []),
    ];
    return lines.join('\n').replaceAll('\n', eol) + (closed ? eol : '');
  });

const without = (table: TomlTable, ...keys: string[]) =>
  Object.fromEntries(Object.entries(table).filter(([key]) => !keys.includes(key)));

/** True where `part` is `whole` with whole stretches left out. */
function isRemainder(part: string, whole: string): boolean {
  const lines = whole.split('\n');
  return part.split('\n').every((line) => {
    const at = lines.indexOf(line);
    lines.splice(0, at + 1);
    return at >= 0;
  });
}

describe('edit then parse is parse then edit, whatever the file looks like', () => {
  const runs = { numRuns: 250 };

  test('use', () => {
    fc.assert(
      fc.property(file, fc.constantFrom(...NAMES), (text, name) => {
        const edited = withDefault(text, name, 'f');
        expect(sectionOf(edited)).toEqual({ ...sectionOf(text), default: name });
        expect(without(parseToml(edited, 'f'), 'superlink')).toEqual(without(parseToml(text, 'f'), 'superlink'));
      }),
      runs,
    );
  });

  test('add, which leaves all that was there as it was; and remove, which gives it back', () => {
    fc.assert(
      fc.property(file, fc.boolean(), (text, insecure) => {
        const edited = withConnection(text, entry({ name: 'n.1', insecure, federation: '@a/b' }), 'f');
        const added = { address: 'lab.example.org:9093', ...(insecure ? { insecure } : {}), federation: '@a/b' };
        expect(sectionOf(edited)).toEqual({ ...sectionOf(text), 'n.1': added });
        expect(edited.startsWith(text)).toBe(true);
        const back = withoutConnection(edited, { name: 'n.1', andDefault: false }, 'f');
        const eol = text.includes('\r\n') ? '\r\n' : '\n';
        expect(back).toBe(text === '' || text.endsWith('\n') ? text : text + eol);
      }),
      runs,
    );
  });

  test('remove, which takes whole lines of that connection only', () => {
    fc.assert(
      fc.property(file, fc.constantFrom(...NAMES), fc.boolean(), (text, name, andDefault) => {
        const edited = withoutConnection(text, { name, andDefault }, 'f');
        const gone = andDefault ? [name, 'default'] : [name];
        expect(sectionOf(edited)).toEqual(without(sectionOf(text) as TomlTable, ...gone));
        expect(without(parseToml(edited, 'f'), 'superlink')).toEqual(without(parseToml(text, 'f'), 'superlink'));
        expect(isRemainder(edited, `${text}\n`)).toBe(true);
      }),
      runs,
    );
  });
});
