/**
 * The agent as a process: `process.js free|tied [LIFETIME_MS]`. Says where it listens in one line, then nothing more.
 * `tied`: it ends when standard input does, which only whoever started it holds.
 */
import { startAgent } from './serve.ts';

const [bond, lifetime] = process.argv.slice(2);

process.title = 'fedctl agent';
process.umask(0o077);
// Where Node has no flag for it: a listener keeps the signal from opening a debugger.
process.on('SIGUSR1', () => {});

const lifetimeMs = Number(lifetime);
const agent = await startAgent({ env: process.env, lifetimeMs: lifetimeMs > 0 ? lifetimeMs : undefined });
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, agent.end);
process.on('exit', agent.end);
// Nobody could find an agent that was not heard.
process.stdout.on('error', agent.end);
if (bond === 'tied') process.stdin.on('end', agent.end).on('error', agent.end).resume();
process.stdout.write(`${JSON.stringify({ socket: agent.socket, pid: agent.pid })}\n`);
await agent.ended;
process.exit(0);
