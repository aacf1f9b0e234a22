// Generated files must be what their sources give: runs the generators and compares with what is committed.
import { execFileSync } from 'node:child_process';

const GENERATED = ['src/gen', 'templates/model.json', '.oclif.manifest.json', 'docs/configuration.md'];

function status() {
  return execFileSync('git', ['status', '--porcelain', '--', ...GENERATED], { encoding: 'utf8' });
}

const before = status();
execFileSync('npm', ['run', '--silent', 'generate'], { stdio: 'inherit' });
const after = status();
if (after !== before || (process.env.CI && after !== '')) {
  process.stderr.write(`Generated files are not fresh. Run "npm run generate" and commit:\n${after}`);
  process.exit(1);
}
process.stdout.write('Generated files are fresh.\n');
