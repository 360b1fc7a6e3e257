#!/usr/bin/env node
// `npm test [-- pattern]`: runs every package's tests, two packages at a time, and ends with `N passed, N failed`.
import { requireNodeVersion } from './lib/node-version.mjs';

requireNodeVersion();
const { prepare } = await import('./lib/prepare.mjs');
const handSignalsTo = await prepare();

const { spawn } = await import('node:child_process');
const { existsSync, mkdtempSync, rmSync } = await import('node:fs');
const { tmpdir } = await import('node:os');
const { join } = await import('node:path');
const { turboCommand, turboEnvironment } = await import('./lib/build.mjs');
const { listWorkspaces, ROOT } = await import('./lib/checkout.mjs');
const { sumResults, summaryLine } = await import('./lib/test-results.mjs');

const EXIT_LIMIT_MS = Number(process.env.TEST_EXIT_LIMIT_SECONDS || 60) * 1000;
const resultsFolder = mkdtempSync(join(tmpdir(), 'codex-gateways-results-'));
process.on('exit', () => rmSync(resultsFolder, { recursive: true, force: true }));

const tested = listWorkspaces().filter(({ scripts }) => scripts.test);
const packages = tested.map(({ name }) => name.replace(/^.*\//, ''));
const exitCode = await runTests(process.argv.slice(2));
const sum = sumResults(resultsFolder, packages);
if (exitCode !== 0 && sum.failed === 0) {
  sum.failed = 1;
  sum.failures.push(`the test run ended with exit code ${exitCode}`);
}
const skipsFail = process.env.CI === 'true' && sum.skipped > 0;
if (skipsFail) sum.failures.push(`${sum.skipped} tests were skipped, which is a failure when CI=true`);

process.stdout.write('\n');
for (const failure of sum.failures) process.stdout.write(`FAILED  ${failure}\n`);
process.stdout.write(`${summaryLine(sum)}\n`);
process.exitCode = sum.failed > 0 || skipsFail ? 1 : 0;

/**
 * Two packages at a time: the tests start servers and real CLIs, and wait for them more than they compute. Turbo runs the others too when one fails.
 * A Node.js process rarely hangs in its own shutdown (https://github.com/nodejs/node/issues/54918), npm's between turbo and the tests
 * included: once all packages have left their counts, turbo is not waited for any longer than `EXIT_LIMIT_MS`.
 */
function runTests(jestArguments) {
  const options = ['--ui=stream', '--concurrency=2', '--continue', '--env-mode=loose', '--log-prefix=task'];
  const command = turboCommand('test', ...options, '--', ...jestArguments);
  const env = turboEnvironment({ TEST_RESULTS_DIR: resultsFolder });
  const child = spawn(command[0], command.slice(1), { cwd: ROOT, env, stdio: 'inherit' });
  handSignalsTo((signal) => child.kill(signal));
  return new Promise((resolve) => {
    let completeSinceMs;
    const look = setInterval(() => {
      if (!packages.every((name) => existsSync(join(resultsFolder, `${name}.json`)))) return;
      completeSinceMs ??= Date.now();
      if (Date.now() - completeSinceMs <= EXIT_LIMIT_MS) return;
      child.kill('SIGTERM');
      child.unref();
      settle(0); // the counts tell what failed
    }, 1_000);
    const settle = (code) => {
      clearInterval(look);
      resolve(code);
    };
    child.once('error', () => settle(1));
    child.once('close', (code) => settle(code ?? 1));
  });
}
