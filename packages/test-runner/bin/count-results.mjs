/**
 * Counts jest's report so that nothing which went wrong counts as nothing: a file that could not be loaded, or whose hooks
 * failed outside of a test, is one failure, and so is a failed run in which every test passed.
 * @param report - what jest writes with --json
 * @returns `{ passed, failed, skipped, failures }`
 */
export function countResults(report, exitCode, shorten = (path) => path) {
  const failures = report.testResults.flatMap((file) => failuresOf(file, shorten(file.name)));
  const counts = {
    passed: report.numPassedTests,
    failed: failures.length,
    skipped: report.numPendingTests + report.numTodoTests,
    failures,
  };
  if (counts.failed === 0 && (exitCode !== 0 || !report.success)) {
    counts.failed = 1;
    counts.failures = [`jest ended with exit code ${exitCode} although no test failed`];
  }
  return counts;
}

function failuresOf(file, path) {
  const failed = file.assertionResults.filter(({ status }) => status === 'failed');
  if (failed.length > 0) return failed.map(({ fullName }) => `${path} > ${fullName}`);
  return file.status === 'failed' ? [`${path} could not be run`] : [];
}
