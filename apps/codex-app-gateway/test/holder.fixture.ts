// Holds one supervised process until it is killed itself; writes the ids of both as one line of JSON.
import { SupervisedProcess } from '../src/app-server/supervised-process.ts';

const held = new SupervisedProcess({
  program: '/bin/sh',
  args: ['-c', 'echo "program $$" >&2; sleep 1000'],
  env: { PATH: '/usr/bin:/bin' },
  workFolder: '/',
  graceMs: 1000,
});
held.onLine((line) => {
  const programId = Number(/^program (\d+)$/.exec(line)?.[1]);
  process.stdout.write(`${JSON.stringify({ groupId: held.groupId, programId })}\n`);
});
