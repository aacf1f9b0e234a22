/** A process that takes SQLite's write lock, says so, and keeps it until its input ends. argv: database file. */
import { DatabaseSync } from 'node:sqlite';

const db = new DatabaseSync(process.argv[2] ?? '');
db.exec('begin immediate');
process.stdout.write('locked\n');
process.stdin.resume().on('end', () => db.close());
