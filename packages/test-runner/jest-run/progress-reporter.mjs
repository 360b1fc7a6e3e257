import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { PROGRESS_FILE } from './progress.mjs';

const REASON_LINES = 10;
const REASON_LINE_CHARACTERS = 300;

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
  if (failed.length > 0) {
    return failed.map(({ fullName, failureMessages }) => withReason(`${path} > ${fullName}`, failureMessages[0]));
  }
  return failureMessage || testExecError ? [withReason(`${path} could not be run`, failureMessage)] : [];
}

/** With the beginning and the end of what was said of it, so that who has the end of a long log only can tell what it was. */
function withReason(failure, message) {
  const lines = stripVTControlCharacters(message ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => `    ${line.slice(0, REASON_LINE_CHARACTERS)}`);
  const left =
    lines.length <= 2 * REASON_LINES
      ? lines
      : [...lines.slice(0, REASON_LINES), '    …', ...lines.slice(-REASON_LINES)];
  return [failure, ...left].join('\n');
}
