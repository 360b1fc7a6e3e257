/**
 * Counts what a run of jest told of itself so that nothing which went wrong counts as nothing: a file that could not be
 * loaded, did not end, or whose hooks failed outside of a test, is one failure, and so is a failed run
 * in which every test passed.
 * @param progress - see progress.mjs
 * @param outcome - how jest ended, see run-with-limits.mjs
 * @returns `{ passed, failed, skipped, failures }`
 */
export function countResults({ ended, running }, { exitCode, wasEnded }) {
  const sum = (key) => ended.reduce((total, file) => total + file[key], 0);
  const unfinished = wasEnded
    ? running.map(({ path }) => `${path} did not end, and what came after it was not run`)
    : [];
  const failures = [...ended.flatMap((file) => file.failures), ...unfinished];
  if (failures.length === 0 && exitCode !== 0) {
    failures.push(`jest ended with exit code ${exitCode} although no test failed`);
  }
  return { passed: sum('passed'), failed: failures.length, skipped: sum('skipped'), failures };
}
