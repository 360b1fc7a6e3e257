import { writeSync } from 'node:fs';

// Loaded before a relay under test: on SIGUSR2 it collects garbage and says what is left, on file descriptor 3.
process.on('SIGUSR2', () => {
  globalThis.gc();
  globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  writeSync(3, `${JSON.stringify({ rss, heapUsed, external })}\n`);
});
