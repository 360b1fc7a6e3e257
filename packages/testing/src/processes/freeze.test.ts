import { waitFor } from '../waiting/wait-for.ts';
import { cpuMsOf } from './cpu-time.ts';
import { freeze } from './freeze.ts';
import { startProcess } from './running-process.ts';

const isLinux = process.platform === 'linux';

describe('freezing a process', () => {
  it('has it do nothing more, until it is told to go on', async () => {
    const program = startProcess(process.execPath, ['-e', 'console.log("on"); for (;;);'], { env: {} });
    await program.waitForOutput(/on/, 60_000);
    await freeze(program.pid);
    const before = await cpuMsOf([program.pid]);
    await startProcess(process.execPath, ['-e', ''], { env: {} }).exited; // time in which it could do something
    expect(await cpuMsOf([program.pid])).toBe(before);
    program.signal('SIGCONT');
    if (isLinux) {
      await waitFor(async () => (await cpuMsOf([program.pid])) > before, {
        timeoutMs: 60_000,
        describe: 'it to go on',
      });
    }
    await program.stop(0);
  });
});
