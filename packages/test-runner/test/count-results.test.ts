import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUNNER = fileURLToPath(new URL('../bin/run-jest.mjs', import.meta.url));
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

describe('counts of a test run', () => {
  let folder: string;
  beforeEach(() => {
    // Inside the package, so that the fixture finds jest and the preset where a real package does.
    folder = mkdtempSync(join(PACKAGE, 'fixture-'));
    mkdirSync(join(folder, 'src'));
    const manifest = { name: '@acme/shop', type: 'module', jest: { preset: '@codex-gateways/test-runner' } };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function run(files: Record<string, string>, ...args: string[]) {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'src', name), text);
    const results = join(folder, 'results');
    const env = { ...process.env, TEST_RESULTS_DIR: results };
    const { status } = spawnSync(process.execPath, [RUNNER, ...args], { cwd: folder, env, encoding: 'utf8' });
    return { status, ...(JSON.parse(readFileSync(join(results, 'shop.json'), 'utf8')) as object) };
  }

  it('tells passed, failed and skipped tests apart', () => {
    const text = "it('a', () => {}); it('b', () => { throw new Error('no'); }); it.skip('c', () => {}); it.todo('d');";
    expect(run({ 'some.test.ts': text })).toEqual({
      status: 1,
      passed: 1,
      failed: 1,
      skipped: 2,
      failures: ['src/some.test.ts > b'],
    });
  });

  it('counts a file that cannot be loaded as a failure', () => {
    const files = { 'good.test.ts': "it('a', () => {});", 'bad.test.ts': "import './missing.ts'; it('b', () => {});" };
    expect(run(files)).toMatchObject({
      status: 1,
      passed: 1,
      failed: 1,
      failures: ['src/bad.test.ts could not be run'],
    });
  });

  it('counts a file whose clean-up fails after its tests as a failure', () => {
    const text = "afterAll(() => { throw new Error('left behind'); }); it('a', () => {});";
    expect(run({ 'some.test.ts': text })).toMatchObject({ status: 1, passed: 1, failed: 1 });
  });

  it('passes a pattern through, and a package in which nothing matches has nothing to fail', () => {
    const files = { 'good.test.ts': "it('a', () => {});", 'bad.test.ts': "it('b', () => { throw new Error('no'); });" };
    expect(run(files, 'good')).toMatchObject({ status: 0, passed: 1, failed: 0 });
    expect(run(files, 'nowhere')).toMatchObject({ status: 0, passed: 0, failed: 0 });
  });
});
