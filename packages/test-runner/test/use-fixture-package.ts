import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUNNER = fileURLToPath(new URL('../bin/run-jest.mjs', import.meta.url));
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

/** What a run left for `npm test`, and what it printed. */
export interface FixtureRun {
  status: number | null;
  stderr: string;
  passed: number;
  failed: number;
  skipped: number;
  failures: string[];
}

/** A package for each test, whose tests `run` writes and runs as `npm test` does. */
export function useFixturePackage() {
  let folder: string;
  beforeEach(() => {
    // Inside the package, so that the fixture finds jest and the preset where a real package does.
    folder = mkdtempSync(join(PACKAGE, 'fixture-'));
    mkdirSync(join(folder, 'src'));
    const manifest = { name: '@acme/shop', type: 'module', jest: { preset: '@codex-gateways/test-runner' } };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  return {
    run(files: Record<string, string>, variables: Record<string, string> = {}, ...args: string[]): FixtureRun {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'src', name), text);
      const results = join(folder, 'results');
      const env = { ...process.env, TEST_RESULTS_DIR: results, ...variables };
      const options = { cwd: folder, env, encoding: 'utf8' as const, timeout: 240_000 };
      const { status, stderr } = spawnSync(process.execPath, [RUNNER, ...args], options);
      const counts = JSON.parse(readFileSync(join(results, 'shop.json'), 'utf8'));
      return { status, stderr, ...counts };
    },
  };
}
