import { run as runOclif } from '@oclif/core/run';
import { EXIT } from './exit-codes.ts';
import { renderFailure } from './failure.ts';
import { processStdio } from './stdio.ts';

/** Runs the command that `argv` names and leaves its exit code in the process. */
export async function run(argv: readonly string[]): Promise<void> {
  process.once('beforeExit', failUnfinished);
  try {
    await runOclif([...argv], import.meta.url);
  } catch (error) {
    process.exitCode = conclude(error, argv);
  } finally {
    process.off('beforeExit', failUnfinished);
  }
}

/** Node ends with 0 where nothing is left to wait for but a promise that nobody settles: that is no success. */
function failUnfinished(): void {
  process.stderr.write('Error: fedctl stopped before the command had ended. Please report this.\n');
  process.exitCode = EXIT.failed;
}

/** What commands could not render themselves: unknown commands, help that does not exist, broken installations. */
function conclude(error: unknown, argv: readonly string[]): number {
  const oclif = error as { code?: unknown; oclif?: { exit?: number } };
  if (oclif?.code === 'EEXIT') return oclif.oclif?.exit ?? EXIT.done;
  const style = { json: wantsJson(argv), verbose: argv.includes('--verbose') };
  return renderFailure(error, style, processStdio());
}

/** True where the arguments ask for JSON, read without a parser: for failures of parsing itself. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const format = own.indexOf('--format');
  return own.includes('--json') || own.includes('--format=json') || (format >= 0 && own[format + 1] === 'json');
}
