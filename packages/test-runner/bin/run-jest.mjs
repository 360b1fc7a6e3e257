#!/usr/bin/env node
// Runs jest on the package in the current folder and leaves its counts in TEST_RESULTS_DIR, where `npm test` adds them up.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const name = JSON.parse(readFileSync('package.json', 'utf8')).name.replace(/^.*\//, '');
const args = ['--experimental-vm-modules', '--no-warnings', createRequire(import.meta.url).resolve('jest/bin/jest')];
args.push('--passWithNoTests', '--forceExit=false', ...process.argv.slice(2));
if (process.env.TEST_RESULTS_DIR) {
  mkdirSync(process.env.TEST_RESULTS_DIR, { recursive: true });
  args.push('--json', `--outputFile=${join(process.env.TEST_RESULTS_DIR, `${name}.json`)}`);
}
// With --json jest prints the whole result on standard output; the readable report goes to standard error.
const stdio = process.env.TEST_RESULTS_DIR ? ['ignore', 'ignore', 'inherit'] : 'inherit';
const run = spawnSync(process.execPath, args, { stdio });
process.exit(run.status ?? 1);
