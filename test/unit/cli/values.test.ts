import { describe, expect, test } from '@jest/globals';
import { isHeadless } from '../../../src/cli/browser.ts';
import { completionScript } from '../../../src/cli/completion.ts';
import { clockTime, parseDuration, roughTime, secondsUntil } from '../../../src/cli/duration.ts';
import { exitCodeOf, exitCodeOfRun } from '../../../src/cli/exit-codes.ts';
import { renderFailure, toFailure } from '../../../src/cli/failure.ts';
import { byteSize } from '../../../src/cli/progress.ts';
import { chooseByPrefix, readRunId } from '../../../src/cli/resolve-run.ts';
import { wantsJson } from '../../../src/cli/run.ts';
import { isUtf8, type Stdio } from '../../../src/cli/stdio.ts';
import { AppError } from '../../../src/core/errors.ts';

const reasonOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return (error as AppError).reason;
  }
  return undefined;
};

describe('RUN_ID', () => {
  test('T-36: whole uint64, prefix, latest', () => {
    expect(readRunId('18446744073709551615')).toEqual({ kind: 'id', id: 18446744073709551615n });
    expect(readRunId('9007199254740993123')).toEqual({ kind: 'id', id: 9007199254740993123n });
    expect(readRunId('123456')).toEqual({ kind: 'prefix', digits: '123456' });
    expect(readRunId('42')).toEqual({ kind: 'id', id: 42n });
    expect(readRunId('latest')).toEqual({ kind: 'latest' });
  });

  test.each(['18446744073709551616', '', '-1', '0x10', ' 1', '1.5', 'LATEST', '١٢٣٤٥٦'])('%j is refused', (text) => {
    expect(reasonOf(() => readRunId(text))).toBe('RUN_ID_INVALID');
  });

  test('a prefix stands for one run; the exact id wins', () => {
    expect(chooseByPrefix('123456', [1234567n])).toBe(1234567n);
    expect(chooseByPrefix('123456', [1234567n, 123456n])).toBe(123456n);
    expect(reasonOf(() => chooseByPrefix('123456', [1234561n, 1234562n]))).toBe('RUN_ID_AMBIGUOUS');
    expect(reasonOf(() => chooseByPrefix('123456', []))).toBe('RUN_NOT_FOUND');
    // A server that answers beside the question is not believed.
    expect(reasonOf(() => chooseByPrefix('123456', [999n]))).toBe('RUN_NOT_FOUND');
  });
});

describe('exit codes', () => {
  test.each([
    ['UNAUTHENTICATED', 'X', 3],
    ['PERMISSION_DENIED', 'X', 4],
    ['NOT_FOUND', 'X', 5],
    ['UNAVAILABLE', 'X', 6],
    ['DEADLINE_EXCEEDED', 'X', 6],
    ['INVALID_ARGUMENT', 'USAGE', 2],
    ['INVALID_ARGUMENT', 'OVERRIDE_UNKNOWN_KEY', 2],
    ['INVALID_ARGUMENT', 'OBJECT_INVALID', 2],
    ['INVALID_ARGUMENT', 'CONFIG_INVALID', 1],
    ['INTERNAL', 'BUG', 1],
  ] as const)('%s %s is %i', (code, reason, exit) => {
    expect(exitCodeOf(new AppError(code, reason, 'text'))).toBe(exit);
  });

  test('of a run', () => {
    expect(['finished:completed', 'finished:failed', 'finished:stopped', 'lost'].map(exitCodeOfRun)).toEqual([
      0, 10, 11, 10,
    ]);
  });
});

function recorder(): Stdio & { readonly written: { out: string; err: string } } {
  const written = { out: '', err: '' };
  return {
    written,
    out(text) {
      written.out += text;
    },
    err(text) {
      written.err += text;
    },
    drained: async () => {},
    outIsTty: false,
    errIsTty: false,
    columns: 80,
    rows: 24,
    colour: false,
    unicode: true,
  };
}

describe('failures', () => {
  const remote = new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'No\u001b[2J run.', {
    hint: 'See: fedctl ls',
    cause: new Error('secret cause'),
  });

  test('a sentence and its next step; the cause stays private', () => {
    const stdio = recorder();
    expect(renderFailure(remote, { json: false, verbose: false }, stdio)).toBe(5);
    expect(stdio.written).toEqual({ out: '', err: 'Error: No run.\nSee: fedctl ls\n' });
  });

  test('as a document', () => {
    const stdio = recorder();
    renderFailure(remote, { json: true, verbose: false }, stdio);
    expect(JSON.parse(stdio.written.out)).toEqual({
      success: false,
      'error-message': 'No run.',
      error: { code: 'RUN_NOT_FOUND', message: 'No run.', hint: 'See: fedctl ls' },
    });
  });

  test('usage errors name the help that fits', () => {
    const wrong = (message: string) => Object.assign(new Error(message), { oclif: { exit: 2 } });
    const unknown = toFailure(wrong('command lss not found'));
    expect([unknown.reason, unknown.message, unknown.hint]).toEqual([
      'USAGE',
      'There is no command "lss".',
      'See: fedctl help',
    ]);
    expect(toFailure(wrong('Nonexistent flag: --nope\nSee more help with --help'), 'admin grant')).toMatchObject({
      message: 'Nonexistent flag: --nope',
      hint: 'See: fedctl admin grant --help',
    });
  });

  test('what nobody expected is a bug: no text of it, the stack with --verbose only', () => {
    const [quiet, loud] = [recorder(), recorder()];
    expect(renderFailure(new TypeError('x of undefined'), { json: false, verbose: false }, quiet)).toBe(1);
    expect(quiet.written.err).toContain('That is a bug.');
    expect(quiet.written.err).not.toContain('x of undefined');
    renderFailure(new TypeError('x of undefined'), { json: false, verbose: true }, loud);
    expect(loud.written.err).toContain('x of undefined');
    expect(toFailure('thrown text').reason).toBe('BUG');
  });
});

describe('times and sizes', () => {
  test('time that has passed', () => {
    expect([0, 7, 723, 3723, 273_900].map(clockTime)).toEqual(['0:00', '0:07', '12:03', '1:02:03', '3d 04:05']);
  });

  test('time that is left', () => {
    expect([1, 45, 119, 600, 7200, 1_209_600].map(roughTime)).toEqual([
      '1 second',
      '45 seconds',
      '119 seconds',
      '10 minutes',
      '2 hours',
      '14 days',
    ]);
  });

  test('lengths of time', () => {
    expect(['90s', '45m', '1h', '7d', '2w', '1h30m'].map(parseDuration)).toEqual([
      90, 2700, 3600, 604_800, 1_209_600, 5400,
    ]);
    for (const text of ['', '1', 'h', '-1h', '0s', '1y', '1 h', '999999999w'])
      expect(reasonOf(() => parseDuration(text))).toBe('USAGE');
  });

  test('points in time', () => {
    const now = Date.parse('2026-11-22T18:00:00Z');
    expect(secondsUntil('2026-11-22T19:00Z', now)).toBe(3600);
    expect(secondsUntil('2026-11-22T20:00+01:00', now)).toBe(3600);
    for (const text of ['2026-11-22T17:00Z', '2026-11-22T19:00', 'tomorrow', '2040-01-01'])
      expect(reasonOf(() => secondsUntil(text, now))).toBe('USAGE');
  });

  test('sizes', () => {
    expect([0, 999, 1000, 12_345, 999_999, 10_485_760].map(byteSize)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '12 kB',
      '1.0 MB',
      '10 MB',
    ]);
  });
});

describe('surroundings', () => {
  const desk = { env: { DISPLAY: ':0' }, platform: 'linux', stdinIsTty: true, inContainer: false } as const;

  test('a browser opens where somebody sees it', () => {
    expect(isHeadless(desk)).toBe(false);
    expect(isHeadless({ ...desk, env: {} })).toBe(true);
    expect(isHeadless({ ...desk, env: {}, platform: 'darwin' })).toBe(false);
    expect(isHeadless({ ...desk, env: { DISPLAY: ':0', SSH_CONNECTION: 'x' } })).toBe(true);
    expect(isHeadless({ ...desk, env: { DISPLAY: ':0', CI: 'true' } })).toBe(true);
    expect(isHeadless({ ...desk, stdinIsTty: false })).toBe(true);
    expect(isHeadless({ ...desk, inContainer: true })).toBe(true);
  });

  test('UTF-8 is what the locale says', () => {
    expect(isUtf8({ LANG: 'de_DE.UTF-8' })).toBe(true);
    expect(isUtf8({ LANG: 'de_DE.UTF-8', LC_ALL: 'C' })).toBe(false);
  });

  test('JSON is asked for before the arguments are understood', () => {
    expect([['--json'], ['ls', '--format', 'json'], ['--format=json']].map(wantsJson)).toEqual([true, true, true]);
    expect([['ls'], ['json'], ['--', '--json'], ['--format', 'default']].map(wantsJson)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

test('completions know commands, sub-commands and flags', () => {
  const commands = [
    { id: 'ls', description: "List `runs`: it's 'quoted' $HOME", flags: { json: { description: 'x' } } },
    { id: 'admin:grant', description: 'Give', flags: {} },
    { id: 'secret', hidden: true, flags: {} },
  ];
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const script = completionScript(shell, commands);
    expect(script).toContain('grant');
    expect(script).not.toContain('secret');
    expect(script).not.toContain('$HOME');
  }
});
