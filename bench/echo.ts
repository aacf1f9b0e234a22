import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from './children.ts';

export const ECHO_PATH = '/bench.Echo/Say';

export interface EchoServer extends Child {
  readonly address: string;
}

/** Starts the echo server; `answer` is what it says. */
export async function startEcho(options: {
  folder: string;
  certificate: string;
  key: string;
  answer: Buffer;
}): Promise<EchoServer> {
  const answerFile = join(options.folder, 'echo-answer');
  writeFileSync(answerFile, options.answer);
  const program = fileURLToPath(new URL('./echo-server.ts', import.meta.url));
  const child = startChild(process.execPath, [program, options.certificate, options.key, answerFile], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [port] = await once(child.process, 'message');
  return { ...child, address: `127.0.0.1:${port}` };
}
