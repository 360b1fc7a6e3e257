import { useFixturePackage } from './use-fixture-package.ts';

describe('counts of a test run', () => {
  const fixture = useFixturePackage();

  it('tells passed, failed and skipped tests apart', () => {
    const text = "it('a', () => {}); it('b', () => { throw new Error('no'); }); it.skip('c', () => {}); it.todo('d');";
    const { stderr, ...counts } = fixture.run({ 'some.test.ts': text });
    expect(counts).toEqual({ status: 1, passed: 1, failed: 1, skipped: 2, failures: ['src/some.test.ts > b'] });
    expect(stderr).toContain('some.test.ts');
  });

  it('counts a file that cannot be loaded as a failure', () => {
    const files = { 'good.test.ts': "it('a', () => {});", 'bad.test.ts': "import './missing.ts'; it('b', () => {});" };
    expect(fixture.run(files)).toMatchObject({
      status: 1,
      passed: 1,
      failed: 1,
      failures: ['src/bad.test.ts could not be run'],
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
