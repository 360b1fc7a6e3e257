import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import { PROGRESS_FILE } from './progress.mjs';

/** The reporter (jest calls it) that writes what `progress.mjs` reads. Synchronously: a line must be there when jest hangs after it. */
export default class ProgressReporter {
  onTestFileStart({ path }) {
    tell({ type: 'begun', path: relative('.', path) });
  }

  onTestFileResult(test, result) {
    const path = relative('.', test.path);
    const { numPassingTests: passed, numPendingTests, numTodoTests } = result;
    tell({ type: 'ended', path, passed, skipped: numPendingTests + numTodoTests, failures: failuresOf(result, path) });
  }

  onRunComplete() {
    tell({ type: 'complete' });
  }
}

function tell(event) {
  appendFileSync(process.env[PROGRESS_FILE], `${JSON.stringify({ ...event, atMs: Date.now() })}\n`);
}

function failuresOf({ testResults, failureMessage, testExecError }, path) {
  const failed = testResults.filter(({ status }) => status === 'failed');
  if (failed.length > 0) return failed.map(({ fullName }) => `${path} > ${fullName}`);
  return failureMessage || testExecError ? [`${path} could not be run`] : [];
}
