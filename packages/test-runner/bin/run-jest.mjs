#!/usr/bin/env node
// Runs jest on the package in the current folder and leaves its counts in TEST_RESULTS_DIR, where `npm test` adds them up.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countResults } from '../jest-run/count-results.mjs';
import { PROGRESS_FILE, readProgress } from '../jest-run/progress.mjs';
import { runWithLimits } from '../jest-run/run-with-limits.mjs';

const { TEST_RESULTS_DIR: resultsFolder } = process.env;
const name = JSON.parse(readFileSync('package.json', 'utf8')).name.replace(/^.*\//, '');
const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const nodeFlags = ['--experimental-vm-modules', '--no-warnings'];
const args = [jest, '--passWithNoTests', ...process.argv.slice(2)];

// A person is there to see where it stands and to end it; nothing is counted.
if (!resultsFolder)
  process.exit(spawnSync(process.execPath, [...nodeFlags, ...args], { stdio: 'inherit' }).status ?? 1);

const scratch = mkdtempSync(join(tmpdir(), 'codex-gateways-jest-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const progressFile = join(scratch, 'progress');
const reporter = fileURLToPath(new URL('../jest-run/progress-reporter.mjs', import.meta.url));
const outcome = await runWithLimits([...args, '--reporters=default', `--reporters=${reporter}`], {
  nodeFlags,
  scratch,
  progress: () => readProgress(progressFile),
  env: { ...process.env, [PROGRESS_FILE]: progressFile },
  fileLimitMs: seconds('TEST_FILE_LIMIT_SECONDS', 900),
  exitLimitMs: seconds('TEST_EXIT_LIMIT_SECONDS', 20),
});

const counts = countResults(readProgress(progressFile), outcome);
mkdirSync(resultsFolder, { recursive: true });
writeFileSync(join(resultsFolder, `${name}.json`), JSON.stringify(counts));
process.exit(counts.failed > 0 ? outcome.exitCode || 1 : 0);

function seconds(variable, whenAbsent) {
  return Number(process.env[variable] || whenAbsent) * 1000;
}
