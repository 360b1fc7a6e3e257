// Adds up what each package's test run left in TEST_RESULTS_DIR.
import { join } from 'node:path';
import { readTextIfAny } from './checkout.mjs';

/**
 * @param packages - names of the packages that have tests, without scope
 * @returns `{ passed, failed, skipped, failures }`; a package that left no counts is one failure
 */
export function sumResults(resultsFolder, packages) {
  const sum = { passed: 0, failed: 0, skipped: 0, failures: [] };
  for (const name of packages) {
    const counts = readCounts(join(resultsFolder, `${name}.json`));
    if (!counts) {
      sum.failed += 1;
      sum.failures.push(`${name}: its tests did not run to the end`);
      continue;
    }
    sum.passed += counts.passed;
    sum.failed += counts.failed;
    sum.skipped += counts.skipped;
    sum.failures.push(...counts.failures.map((failure) => `${name}: ${failure}`));
  }
  return sum;
}

function readCounts(path) {
  const text = readTextIfAny(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // cut off: the run was killed
  }
}

/** The line that ends every test run. */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
