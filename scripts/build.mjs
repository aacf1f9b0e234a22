// src -> dist with tsc, then what the published package needs beside it.
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { vendor } from './vendor.mjs';

rmSync('dist', { recursive: true, force: true });
execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
await vendor();
chmodSync('dist/bin.js', 0o755);
