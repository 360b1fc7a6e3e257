import { useFixturePackage } from './use-fixture-package.ts';

describe('counts of a test run', () => {
  const fixture = useFixturePackage();

  it('tells passed, failed and skipped tests apart', () => {
    const text = "it('a', () => {}); it('b', () => { throw new Error('no'); }); it.skip('c', () => {}); it.todo('d');";
    const { stderr, failures, ...counts } = fixture.run({ 'some.test.ts': text });
    expect(counts).toEqual({ status: 1, passed: 1, failed: 1, skipped: 2 });
    expect(failures).toEqual([expect.stringMatching(/^src\/some\.test\.ts > b\n {4}Error: no\n/)]);
    expect(stderr).toContain('some.test.ts');
  });

  it('gives the beginning and the end of a long reason', () => {
    const text =
      "it('a', () => { throw new Error(Array.from({ length: 100 }, (_, line) => 'line ' + line).join('\\n')); });";
    const [failure = ''] = fixture.run({ 'some.test.ts': text }).failures;
    expect(failure.split('\n').slice(0, 3)).toEqual(['src/some.test.ts > a', '    Error: line 0', '    line 1']);
    expect(failure.split('\n').length).toBeLessThan(25);
  });

  it('counts a file that cannot be loaded as a failure', () => {
    const files = { 'good.test.ts': "it('a', () => {});", 'bad.test.ts': "import './missing.ts'; it('b', () => {});" };
    expect(fixture.run(files)).toMatchObject({
      status: 1,
      passed: 1,
      failed: 1,
      failures: [expect.stringMatching(/^src\/bad\.test\.ts could not be run\n.*missing/s)],
    });
  });

  it('counts a file whose clean-up fails after its tests as a failure', () => {
    const text = "afterAll(() => { throw new Error('left behind'); }); it('a', () => {});";
    expect(fixture.run({ 'some.test.ts': text })).toMatchObject({ status: 1, passed: 1, failed: 1 });
  });

  it('passes a pattern through, and a package in which nothing matches has nothing to fail', () => {
    const files = { 'good.test.ts': "it('a', () => {});", 'bad.test.ts': "it('b', () => { throw new Error('no'); });" };
    expect(fixture.run(files, {}, 'good')).toMatchObject({ status: 0, passed: 1, failed: 0 });
    expect(fixture.run(files, {}, 'nowhere')).toMatchObject({ status: 0, passed: 0, failed: 0 });
  });
});
