/**
 * Runs one command in this process's group and ends the whole group when asked to, when the command ends, or when
 * whoever started us is gone: standard input is a pipe that only they hold, so its end is their end, even by SIGKILL.
 * Standard output and error are the command's log. Argument 1: milliseconds between SIGTERM and SIGKILL; then the command.
 */
import { spawn } from 'node:child_process';

const [grace = '5000', command = '', ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });

let ending = false;

function signalGroup(signal: NodeJS.Signals): void {
  process.kill(-process.pid, signal);
}

function end(): void {
  if (ending) return;
  ending = true;
  signalGroup('SIGTERM');
  setTimeout(() => signalGroup('SIGKILL'), Number(grace));
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
process.stdin.on('end', end).on('error', end).resume();
child.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  signalGroup('SIGKILL');
});
// What the command leaves behind in the group may ignore SIGTERM (a clientapp does, facts section 8); this ends it, and us.
child.on('exit', () => signalGroup('SIGKILL'));
