import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// The compiled package runs in a real process, since signals and exit codes are its subject.
const PACKAGE_ENTRY = new URL('../dist/index.js', import.meta.url).href;
const children: ChildProcess[] = [];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(new URL('..', import.meta.url).pathname, '.run-process-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL'); // one that a failed test has left keeps jest from its end
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(body: string, env: Record<string, string> = {}) {
  const file = join(folder, `main-${Math.random()}.mjs`);
  writeFileSync(
    file,
    `import { StartError } from '@codex-gateways/runtime';
     import { ConfigError, createLogger, ListenError, runProcess } from ${JSON.stringify(PACKAGE_ENTRY)};
     const log = createLogger({ service: 't', level: 'silent' });
     const say = (text) => process.stdout.write(text + '\\n');
     ${body}`,
  );
  const child = spawn(process.execPath, [file], {
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  children.push(child);
  const { stdout: out, stderr: err } = child;
  if (!out || !err) throw new Error('the child has no pipes');
  let stdout = '';
  let stderr = '';
  out.on('data', (chunk) => {
    stdout += chunk;
    if (stdout.includes('started')) child.emit('started');
  });
  err.on('data', (chunk) => {
    stderr += chunk;
  });
  // Not 'close': node does not emit it once the parent has closed the IPC channel.
  const ended = Promise.all([once(child, 'exit'), once(out, 'end'), once(err, 'end')]);
  return { child, exit: ended.then(([[code]]) => ({ code, stdout, stderr })) };
}

const SERVICE = `await runProcess(process.env, () => ({ log, service: {
  start: async () => { say('started'); setInterval(() => {}, 1000); },
  drain: async () => say('drained'),
  close: async () => say('closed'),
} }));`;

describe('a service as a process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('drains, closes and exits with 0 on %s', async (signal) => {
    const { child, exit } = run(SERVICE);
    await once(child, 'started');
    child.kill(signal);
    expect(await exit).toEqual({ code: 0, stdout: 'started\ndrained\nclosed\n', stderr: '' });
  });
  it('ends with its parent when told to', async () => {
    const { child, exit } = run(SERVICE, { CODEX_GATEWAYS_PARENT_PIPE: '1' });
    await once(child, 'started');
    child.disconnect();
    expect(await exit).toMatchObject({ code: 0, stdout: 'started\ndrained\nclosed\n' });
  });
  it('ends at once on a second signal while it drains', async () => {
    const { child, exit } = run(
      SERVICE.replace(
        "drain: async () => say('drained')",
        "drain: () => { say('draining'); return new Promise(() => {}); }",
      ),
    );
    await once(child, 'started');
    child.kill('SIGTERM');
    child.stdout?.on('data', () => child.kill('SIGTERM'));
    expect(await exit).toMatchObject({ code: 1 });
  });
  it('tells a bad configuration in its own words and exits with 1', async () => {
    const { exit } = run(
      "await runProcess(process.env, () => { throw new ConfigError(['A is required', 'B is required']); });",
    );
    expect(await exit).toEqual({
      code: 1,
      stdout: '',
      stderr: 'the configuration is not usable:\n  A is required\n  B is required\n',
    });
  });
  it('tells a taken port in one line', async () => {
    const { exit } = run(`await runProcess(process.env, () => ({ log, service: {
      start: async () => { throw new ListenError('cannot listen on 127.0.0.1:1: the port is taken'); } } }));`);
    expect(await exit).toMatchObject({ code: 1, stderr: 'cannot listen on 127.0.0.1:1: the port is taken\n' });
  });
  it('tells what keeps it from starting in its own words', async () => {
    const { exit } = run(`await runProcess(process.env, () => ({ log, service: {
      start: async () => { throw new StartError('the database is away', { cause: new Error('x') }); } } }));`);
    expect(await exit).toMatchObject({ code: 1, stderr: 'the database is away\n' });
  });
});
