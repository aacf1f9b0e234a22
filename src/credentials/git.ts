import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { foreignEnvironment } from '../core/child-env.ts';
import { AppError } from '../core/errors.ts';
import { type StepHook, writeAtomically } from './atomic-write.ts';
import { type PrivateDir, readPrivateFile } from './private-dir.ts';

export const IGNORED_LINE = '.credentials';

/** True if a `.git` (folder, or file as in worktrees and submodules) stands in `dir` or above it. No git is run. */
export function seemsInWorkTree(dir: string): boolean {
  for (let here = dir; ; here = dirname(here)) {
    if (existsSync(join(here, '.git'))) return true;
    if (dirname(here) === here) return false;
  }
}

/**
 * Makes sure that `DIR/.gitignore` has the line `.credentials`: created or appended to, its line ends kept (CF-06).
 * @throws FAILED_PRECONDITION CREDENTIALS_UNSAFE; the file system's own errors
 */
export function ensureIgnored(dir: PrivateDir, onStep?: StepHook): void {
  const old = readPrivateFile(dir, '.gitignore', { open: true });
  if (old?.split(/\r?\n/).includes(IGNORED_LINE)) return;
  const content = appendLine(old ?? '', IGNORED_LINE);
  writeAtomically(dir, '.gitignore', content, { mode: 0o644, onStep });
}

function appendLine(text: string, line: string): string {
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const gap = text === '' || text.endsWith('\n') ? '' : newline;
  return `${text}${gap}${line}${newline}`;
}

interface GitResult {
  readonly exitCode: number | undefined;
  readonly output: string;
  readonly problem: string;
}

async function git(dir: string, args: readonly string[]): Promise<GitResult | undefined> {
  const { execFile } = await import('node:child_process');
  const inherited = Object.entries(foreignEnvironment(process.env)).filter(([key]) => !key.startsWith('GIT_'));
  const env = { ...Object.fromEntries(inherited), LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' };
  // A repository's own settings must not get to run programs.
  const safe = ['-c', 'core.fsmonitor=false', ...args];
  return new Promise((resolve) => {
    execFile('git', safe, { cwd: dir, env, timeout: 10_000 }, (error, output, problem) => {
      const code = (error as { code?: string | number } | null)?.code;
      if (code === 'ENOENT') resolve(undefined);
      else resolve({ exitCode: error === null ? 0 : typeof code === 'number' ? code : undefined, output, problem });
    });
  });
}

/**
 * Proves that git would never commit `names` in `DIR/.credentials`.
 * @returns false where that can't be known because git is not installed; true when proven or in no work tree
 * @throws FAILED_PRECONDITION CREDENTIALS_TRACKED, CREDENTIALS_NOT_IGNORED
 */
export async function proveIgnored(dir: PrivateDir, names: readonly string[]): Promise<boolean> {
  if (!seemsInWorkTree(dir.path)) return true;
  const files = names.map((name) => `${IGNORED_LINE}/${name}`);
  const paths = [IGNORED_LINE, ...files];
  const [tracked, ignored] = await Promise.all([
    git(dir.path, ['ls-files', '--', ...files]),
    git(dir.path, ['check-ignore', '--no-index', '--', ...paths]),
  ]);
  if (tracked === undefined || ignored === undefined) return false;
  if (tracked.exitCode === 128 && /not a git repository|must be run in a work tree/.test(tracked.problem)) return true;
  if (tracked.exitCode !== 0) throw notProven(dir, tracked.problem);
  if (tracked.output.trim() !== '') throw trackedError(dir, tracked.output);
  const found = new Set(ignored.output.split('\n'));
  if (!paths.every((path) => found.has(path))) throw notIgnored(dir);
  return true;
}

function trackedError(dir: PrivateDir, output: string): AppError {
  const [file = ''] = output.split('\n');
  const path = join(dir.path, file);
  return new AppError('FAILED_PRECONDITION', 'CREDENTIALS_TRACKED', `${path} is tracked by git.`, {
    hint: `Run: git rm --cached ${path}; then commit. If it was ever pushed, end that session: fedctl logout`,
  });
}

function notIgnored(dir: PrivateDir): AppError {
  const path = join(dir.path, IGNORED_LINE);
  return new AppError('FAILED_PRECONDITION', 'CREDENTIALS_NOT_IGNORED', `git does not ignore ${path}.`, {
    hint: `A rule beginning with "!" takes it back; find it: git check-ignore -v --no-index ${path}`,
  });
}

function notProven(dir: PrivateDir, problem: string): AppError {
  const [line = ''] = problem.split('\n');
  return new AppError(
    'FAILED_PRECONDITION',
    'CREDENTIALS_NOT_IGNORED',
    `git can't tell whether it ignores ${dir.path}.`,
    {
      hint: line.includes('dubious ownership')
        ? `Run: git config --global --add safe.directory FOLDER`
        : 'Run git status there.',
      cause: line,
    },
  );
}
