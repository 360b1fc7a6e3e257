import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { runCli } from './run-cli.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const interruption = new AbortController();
const interrupt = (exitCode: number) => () => {
  // Only who has something to end first, such as a child process, listens.
  if (interruption.signal.aborted || getEventListeners(interruption.signal, 'abort').length === 0)
    process.exit(exitCode);
  interruption.abort();
};
process.on('SIGINT', interrupt(130));
process.on('SIGTERM', interrupt(143));
// Whoever reads the output may stop reading (`… | head`).
process.stdout.on('error', () => process.exit(0));

const { env, stdin, stdout, stderr } = process;
process.exitCode = await runCli(
  process.argv.slice(2),
  { env, stdin, stdout, stderr, signal: interruption.signal },
  version,
);
