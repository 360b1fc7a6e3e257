import { useFixturePackage } from './use-fixture-package.ts';

describe('limits of a test run', () => {
  const fixture = useFixturePackage();

  it('end a file that blocks its process, name it, and tell where it stands', () => {
    const blocking = "it('passes', () => {}); it('blocks', () => { for (;;); });";
    const files = { 'blocking.test.ts': blocking };
    const run = fixture.run(files, { TEST_FILE_LIMIT_SECONDS: '6' });
    expect(run).toMatchObject({ status: 1, passed: 0, failed: 1 });
    expect(run.failures).toEqual(['src/blocking.test.ts did not end, and what came after it was not run']);
    expect(run.stderr).toContain('src/blocking.test.ts did not end');
    expect(run.stderr).toMatch(/\d+ R.*jest/);
  });

  it('end a file that never loads', () => {
    const files = { 'loading.test.ts': "await new Promise(() => {}); it('a', () => {});" };
    const run = fixture.run(files, { TEST_FILE_LIMIT_SECONDS: '6' });
    expect(run).toMatchObject({ status: 1, passed: 0, failed: 1 });
    expect(run.stderr).toContain('src/loading.test.ts did not end');
  });

  it('end a run that is over but does not exit; its results count, and what kept it is printed', () => {
    const open = "import { createServer } from 'node:net'; it('a', () => { createServer().listen(0, '127.0.0.1'); });";
    const run = fixture.run({ 'open.test.ts': open }, { TEST_EXIT_LIMIT_SECONDS: '2' });
    expect(run).toMatchObject({ status: 0, passed: 1, failed: 0, failures: [] });
    expect(run.stderr).toContain('jest did not exit after its last test');
    expect(run.stderr).toMatch(/tcp .*127\.0\.0\.1/);
  });
});
