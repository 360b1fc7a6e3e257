import { isAlive, waitFor } from '@codex-gateways/testing';
import { FakeCheckout } from './fake-checkout.ts';

const counts = (passed: number, failed = 0, skipped = 0) => ({
  passed,
  failed,
  skipped,
  failures: Array.from({ length: failed }, (_, index) => `src/a.test.ts > fails ${index}`),
});

describe('preparing a checkout', () => {
  let checkout: FakeCheckout;
  beforeAll(() => {
    checkout = new FakeCheckout();
  });
  afterAll(() => checkout.remove());

  const prepare = () => checkout.run('prepare.mjs');
  /** What a run did, and nothing else: npm and turbo are slow, so neither is called without need. */
  async function work() {
    const before = checkout.turboCalls.length;
    const { code, stdout, stderr } = await prepare();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return { installed: stdout.includes('Installing dependencies: done'), built: checkout.turboCalls.length > before };
  }

  it('installs and builds a fresh clone, and does neither again', async () => {
    expect(await work()).toEqual({ installed: true, built: true });
    expect(await work()).toEqual({ installed: false, built: false });
  });

  it('builds when a source has changed, but not for a test', async () => {
    checkout.write('packages/thing/src/index.ts', 'export const changed = 1;\n');
    expect(await work()).toEqual({ installed: false, built: true });
    checkout.write('packages/thing/src/index.test.ts', '');
    expect(await work()).toEqual({ installed: false, built: false });
  });

  it('builds when what was built is gone', async () => {
    checkout.delete('packages/thing/dist');
    expect(await work()).toEqual({ installed: false, built: true });
  });

  it('installs when the lock file has changed', async () => {
    checkout.write('packages/extra/package.json', JSON.stringify({ name: '@acme/extra', version: '1.0.0' }));
    checkout.npm('install', '--package-lock-only');
    expect(await work()).toMatchObject({ installed: true });
  });

  it('installs again after an installation that was interrupted', async () => {
    checkout.delete('node_modules/.codex-gateways-install', 'node_modules/.package-lock.json');
    expect(await work()).toMatchObject({ installed: true });
  });

  it('accepts what somebody has installed by running npm', async () => {
    checkout.delete('node_modules');
    checkout.npm('install');
    expect(await work()).toEqual({ installed: false, built: true });
  });

  it('recovers from the lock of a process that is gone', async () => {
    checkout.write('.cache/prepare.lock', '4000000');
    expect(await work()).toEqual({ installed: false, built: false });
    expect(checkout.has('.cache/prepare.lock')).toBe(false);
  });

  it('installs once when two runs begin together', async () => {
    checkout.delete('node_modules');
    const runs = await Promise.all([prepare(), prepare()]);
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    expect(runs.filter(({ stdout }) => stdout.includes('Installing dependencies: done'))).toHaveLength(1);
  });

  it('shows why a build fails, and tries again the next time', async () => {
    checkout.behave({ error: 'src/index.ts(1,1): error TS1: no' });
    checkout.write('packages/thing/src/index.ts', 'export const changed = 22;\n');
    const { code, stderr } = await prepare();
    expect(code).toBe(1);
    expect(stderr).toBe('src/index.ts(1,1): error TS1: no\nBuilding: failed with exit code 1\n');
    checkout.behave({});
    expect(await work()).toEqual({ installed: false, built: true });
  });

  it('says in one line why an installation fails', async () => {
    checkout.delete('node_modules');
    const manifest = JSON.parse(checkout.readIfAny('packages/other/package.json'));
    checkout.write('packages/other/package.json', JSON.stringify({ ...manifest, dependencies: { turbo: '2.0.0' } }));
    const { code, stderr } = await prepare();
    checkout.write('packages/other/package.json', JSON.stringify(manifest));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Installing dependencies failed: [^\n]{10,}\n$/);
  });

  it('says in one line that Node.js is too old', async () => {
    const pretend = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"20.18.3"})';
    for (const program of ['prepare.mjs', 'start.mjs', 'test.mjs']) {
      const { code, stderr } = await checkout.run(program, { nodeOptions: ['--import', pretend] });
      expect(code).toBe(1);
      expect(stderr).toBe('Codex Gateways needs Node.js 20.19 or newer; this is 20.18.3\n');
    }
  });
});

describe('npm start', () => {
  let checkout: FakeCheckout;
  beforeAll(async () => {
    checkout = new FakeCheckout();
    await checkout.run('prepare.mjs');
  });
  afterAll(() => checkout.remove());

  it('becomes the stack, which a repeated Ctrl-C interrupts once', async () => {
    const { child, ended, written } = checkout.start('start.mjs');
    await waitFor(() => written.stdout.includes('stack ready'), {
      timeoutMs: 60_000,
      describe: () => `the stack: ${written.stdout}${written.stderr}`,
    });
    child.kill('SIGINT');
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 0, stdout: 'stack ready\nended after 1 interruption\n', stderr: '' });
  });

  it('ends with code 0, and ends what it has begun, when it is interrupted while it builds', async () => {
    checkout.behave({ hang: true });
    checkout.write('packages/thing/src/index.ts', 'export const changed = 1;\n');
    const { child, ended, written } = checkout.start('start.mjs');
    const builder = await waitFor(() => Number(checkout.readIfAny('hanging')), {
      timeoutMs: 60_000,
      describe: () => `the build: ${written.stdout}${written.stderr}`,
    });
    child.kill('SIGTERM');
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(stdout).not.toContain('stack ready');
    expect(isAlive(builder)).toBe(false);
  });
});

describe('npm test', () => {
  let checkout: FakeCheckout;
  beforeAll(async () => {
    checkout = new FakeCheckout();
    await checkout.run('prepare.mjs');
  });
  afterAll(() => checkout.remove());

  const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);

  it('adds up the packages, and its last line says so', async () => {
    checkout.behave({ results: { thing: counts(3), other: counts(4) } });
    const { code, stdout, stderr } = await checkout.run('test.mjs');
    expect({ code, last: lastLine(stdout), stderr }).toEqual({ code: 0, last: '7 passed, 0 failed', stderr: '' });
  });

  it.each([
    ['a test failed', { results: { thing: counts(3, 1), other: counts(4) }, exitCode: 1 }, '7 passed, 1 failed'],
    ['a package left no counts', { results: { thing: counts(3) } }, '3 passed, 1 failed'],
    ['the run itself failed', { results: { thing: counts(3), other: counts(4) }, exitCode: 1 }, '7 passed, 1 failed'],
  ])('fails when %s', async (_, behaviour, expected) => {
    checkout.behave(behaviour);
    const { code, stdout } = await checkout.run('test.mjs');
    expect({ code, last: lastLine(stdout) }).toEqual({ code: 1, last: expected });
    expect(stdout).toMatch(/^FAILED {2}\S/m);
  });

  it('counts what was skipped, which CI does not forgive', async () => {
    checkout.behave({ results: { thing: counts(3, 0, 2), other: counts(4) } });
    const here = await checkout.run('test.mjs');
    expect({ code: here.code, last: lastLine(here.stdout) }).toEqual({
      code: 0,
      last: '7 passed, 0 failed, 2 skipped',
    });
    const inCi = await checkout.run('test.mjs', { env: { CI: 'true' } });
    expect({ code: inCi.code, last: lastLine(inCi.stdout) }).toEqual({
      code: 1,
      last: '7 passed, 0 failed, 2 skipped',
    });
  });

  it('ends although the program that ran the packages does not', async () => {
    checkout.behave({ results: { thing: counts(3), other: counts(4) }, doesNotExit: true });
    const { code, stdout } = await checkout.run('test.mjs', { env: { TEST_EXIT_LIMIT_SECONDS: '1' } });
    expect({ code, last: lastLine(stdout) }).toEqual({ code: 0, last: '7 passed, 0 failed' });
  });

  it('hands patterns to jest', async () => {
    checkout.behave({ results: { thing: counts(1), other: counts(0) } });
    await checkout.run('test.mjs', { args: ['device-login', '--verbose'] });
    expect(checkout.turboCalls.at(-1)).toMatch(/^test .* -- device-login --verbose$/);
  });
});
