#!/usr/bin/env node
// This file must be readable by Node 14: it is what tells the owner of an old Node what is wrong.
import * as nodeModule from 'node:module';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

/** The reader of a pipe may leave before we have said everything (`fedctl ls | head`): that is no failure. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(process.exitCode === undefined ? 0 : Number(process.exitCode));
  process.stderr.write(`Error: The output can't be written (${error.code ?? error.message}).\n`);
  process.exit(1);
});
/** Nobody reads what we say beside the result: the result still counts. */
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(
    `fedctl needs Node.js 22.13 or newer; this is ${process.versions.node}. See https://nodejs.org.\n`,
  );
  process.exitCode = 1;
} else {
  const { enableCompileCache } = nodeModule as { enableCompileCache?: () => unknown };
  if (enableCompileCache !== undefined) enableCompileCache();
  const failed = (error: Error) => {
    process.stderr.write(`fedctl can't be loaded: ${error.message}\nInstall it again.\n`);
    process.exitCode = 1;
  };
  const quick =
    process.argv[2] === 'token'
      ? import('./cli/token-quick.ts').then((cli) => cli.printStoredToken(process.argv.slice(3)))
      : Promise.resolve(false);
  quick.then(
    (done) => (done ? undefined : import('./cli/run.ts').then((cli) => cli.run(process.argv.slice(2)), failed)),
    failed,
  );
}
