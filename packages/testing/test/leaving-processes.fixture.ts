import { writeFileSync } from 'node:fs';
import { startProcess } from '../src/index.ts';

// Run by leaving-jest.test.ts in a jest of its own: leaves a process running and then fails, or never ends.
it('forgets its process', async () => {
  const running = startProcess('/bin/sh', ['-c', 'sleep 600 & echo child $!; wait'], { env: process.env });
  const [, child] = await running.waitForOutput(/child (\d+)/, 10_000);
  writeFileSync(process.env.PIDS_FILE ?? '', JSON.stringify([running.pid, Number(child)]));
  if (process.env.NEVER_END) await running.exited;
  throw new Error('a failing test');
});
