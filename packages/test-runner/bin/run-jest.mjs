#!/usr/bin/env node
// Runs jest on the package in the current folder and leaves its counts in TEST_RESULTS_DIR, where `npm test` adds them up.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { countResults } from './count-results.mjs';

const { TEST_RESULTS_DIR: resultsFolder } = process.env;
const name = JSON.parse(readFileSync('package.json', 'utf8')).name.replace(/^.*\//, '');
const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const args = ['--experimental-vm-modules', '--no-warnings', jest, '--passWithNoTests', ...process.argv.slice(2)];

if (!resultsFolder) process.exit(spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1);

// With --json jest prints the whole result on standard output; the readable report goes to standard error.
const scratch = mkdtempSync(join(tmpdir(), 'codex-gateways-jest-'));
const report = join(scratch, 'report.json');
const stdio = ['ignore', 'ignore', 'inherit'];
const run = spawnSync(process.execPath, [...args, '--json', `--outputFile=${report}`], { stdio });
const exitCode = run.status ?? 1;
try {
  const counts = countResults(JSON.parse(readFileSync(report, 'utf8')), exitCode, (file) => relative('.', file));
  mkdirSync(resultsFolder, { recursive: true });
  writeFileSync(join(resultsFolder, `${name}.json`), JSON.stringify(counts));
} catch (error) {
  process.stderr.write(`${name}: jest left no report (${error.message})\n`); // no counts: `npm test` calls that a failure
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(exitCode);
