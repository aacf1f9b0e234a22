import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Person, TICKER } from '../../support/people.ts';
import { expectFailure } from './failure.ts';
import { type Stage, setStage } from './stage.ts';

let stage: Stage;
let alice: Person;
/** Her app; the connection "lab" of her home is known there too. */
let app: Person;
let folder: string;
let pyproject: string;

beforeAll(async () => {
  stage = await setStage();
  await stage.serve();
  alice = stage.people.person('alice');
  await alice.login();
  folder = join(alice.home, 'app');
  cpSync(TICKER, folder, { recursive: true });
  pyproject = readFileSync(join(folder, 'pyproject.toml'), 'utf8');
  app = alice.at(folder);
}, 60_000);
afterAll(() => stage?.close(), 30_000);

const write = (text: string | Buffer) => writeFileSync(join(folder, 'pyproject.toml'), text);
const connection = (...lines: string[]) => `${pyproject}\n[tool.flwr.federations.here]\n${lines.join('\n')}\n`;
const address = () => `address = "${stage.facts.address}"`;

describe('a project with a mistake: one sentence that names file and key, and nothing is changed', () => {
  const CASES: readonly (readonly [string, () => string | Buffer, RegExp])[] = [
    ['malformed TOML', () => `${pyproject}\n[tool.flwr`, /pyproject\.toml:\d+:\d+: .+\.$/],
    ['no UTF-8', () => Buffer.from([0xff, 0xfe, 0x00]), /pyproject\.toml: not valid UTF-8\.$/],
    ['no app table', () => '[project]\nname = "x"\nversion = "1"\n', /: the table \[tool\.flwr\.app\] is missing\.$/],
    [
      'a missing key',
      () => pyproject.replace('publisher = "lab"', ''),
      /: \[tool\.flwr\.app\] publisher is missing\.$/,
    ],
    ['a value of another type', () => pyproject.replace('"1.0.0"', '1'), /: \[project\] version must be a string/],
    ['a component that is none', () => pyproject.replace('ticker.server_app:app', 'x'), /\] serverapp must look like /],
    [
      'deep nesting',
      () => `${pyproject}\nx = ${'['.repeat(500)}${']'.repeat(500)}`,
      /toml:\d+: nested deeper than 64\.$/,
    ],
    ['a file of 300 KB', () => `${pyproject}\n#${'x'.repeat(300_000)}`, /: larger than 256 KiB\.$/],
    ['a connection without address', () => connection('insecure = false'), /federations\.here\] address is missing/],
    ['an address without port', () => connection('address = "localhost"'), /address "localhost" must be host:port\.$/],
    [
      'a connection with a wrong type',
      () => connection(address(), 'insecure = "no"'),
      /insecure must be true or false/,
    ],
    ['no CA file', () => connection(address(), 'root-certificates = "no.pem"'), /app\/no\.pem doesn't exist\.$/],
    [
      'a CA file without certificates',
      () => connection(address(), 'root-certificates = "README.md"'),
      /README\.md holds no PEM certificate\.$/,
    ],
    [
      'no federation id',
      () => connection(address(), 'federation = "lab"'),
      /federation must look like @owner\/name, not "lab"\.$/,
    ],
  ];

  test.each(CASES)(
    '%s',
    async (_name, text, message) => {
      writeFileSync(join(folder, 'README.md'), 'text');
      write(text());
      expect((await expectFailure(app, 1, 'run')).message).toMatch(message);
    },
    30_000,
  );

  test('a bundle of more than 10 MiB is refused before anything is sent', async () => {
    write(pyproject);
    writeFileSync(join(folder, 'ticker', 'weights.py'), Buffer.alloc(11 * 1024 * 1024, 'x'));
    expect(await expectFailure(app, 1, 'run', '.', 'lab')).toMatchObject({ code: 'BUNDLE_TOO_LARGE' });
    rmSync(join(folder, 'ticker', 'weights.py'));
  }, 30_000);
});

describe('a command with a mistake', () => {
  const CASES: readonly (readonly [string, readonly string[], number, string])[] = [
    ['a connection that nobody has', ['run', '.', 'nowhere'], 5, 'CONNECTION_NOT_FOUND'],
    ['a folder that is not there', ['run', './nowhere', 'lab'], 5, 'APP_NOT_FOUND'],
    ['a federation that is not there', ['run', '.', 'lab', '--federation', '@nobody/x'], 5, 'FEDERATION_NOT_FOUND'],
    ['a key that the app does not have', ['run', '.', 'lab', '-c', 'tickz=1'], 2, 'OVERRIDE_UNKNOWN_KEY'],
    ['pairs that are none', ['run', '.', 'lab', '-c', 'ticks'], 2, 'OVERRIDE_INVALID'],
    ['a request id with a space', ['run', '.', 'lab', '--request-id', 'a b'], 2, 'USAGE'],
    ['an unknown flag', ['run', '--fast'], 2, 'USAGE'],
    ['an unknown command', ['rnu'], 2, 'USAGE'],
    ['a limit of 0', ['ls', '.', 'lab', '--limit', '0'], 2, 'USAGE'],
    ['a cursor that is none', ['ls', '.', 'lab', '--cursor', 'abc'], 1, 'CURSOR_INVALID'],
  ];

  test.each(CASES)(
    '%s',
    async (_name, args, code, reason) => {
      write(pyproject);
      expect(await expectFailure(app, code, ...args)).toMatchObject({ code: reason });
    },
    30_000,
  );

  const IDS: readonly (readonly [string, number, string])[] = [
    ['0', 5, 'RUN_NOT_FOUND'],
    ['9007199254740993', 5, 'RUN_NOT_FOUND'],
    ['18446744073709551615', 5, 'RUN_NOT_FOUND'],
    ['18446744073709551616', 2, 'RUN_ID_INVALID'],
    ['9'.repeat(99), 2, 'RUN_ID_INVALID'],
    ['-5', 2, 'RUN_ID_INVALID'],
  ];

  test.each(IDS)(
    'T-36: run id %s',
    async (id, code, reason) => {
      const all = [
        ['log', id],
        ['stop', id],
        ['ls', '--run-id', id],
      ].map((args) => expectFailure(alice, code, ...args));
      expect(await Promise.all(all)).toMatchObject(all.map(() => ({ code: reason })));
    },
    30_000,
  );
});

describe('CF-07: a damaged credential file is named and left as it is', () => {
  const DAMAGE: readonly (readonly [string, (text: string) => string, number])[] = [
    ['empty', () => '', 1],
    ['cut off', (text) => text.slice(0, text.length / 2), 1],
    ['a list', () => '[]', 1],
    ['without tokens', () => '{}', 1],
  ];

  test.each(DAMAGE)(
    '%s',
    async (_name, damage, code) => {
      const file = join(alice.home, '.credentials', 'lab.json');
      const good = readFileSync(file, 'utf8');
      try {
        writeFileSync(file, damage(good));
        expect((await expectFailure(alice, code, 'ls')).message).toContain(file);
      } finally {
        writeFileSync(file, good);
      }
      expect(await alice.fedctl('ls')).toMatchObject({ code: 0 });
    },
    30_000,
  );
});
