// What a run of jest tells of itself while it runs, line by line in a file, so that a run that hangs has told how far it came.
import { readFileSync } from 'node:fs';

/** The environment variable that names the file. */
export const PROGRESS_FILE = 'TEST_PROGRESS_FILE';

/**
 * @returns `ended`: per file of tests `{ path, passed, skipped, failures }`; `running`: `{ path, atMs }` of each file that
 * was begun (Unix time in ms) and has not ended; `completeAtMs`: when the last file had ended, `undefined` before; `lastAtMs`: the
 * last sign of life
 */
export function readProgress(progressFile) {
  const ended = [];
  const running = new Map();
  const events = readEvents(progressFile);
  let completeAtMs;
  for (const event of events) {
    if (event.type === 'begun') running.set(event.path, event);
    if (event.type === 'complete') completeAtMs = event.atMs;
    if (event.type !== 'ended') continue;
    running.delete(event.path);
    ended.push(event);
  }
  return { ended, running: [...running.values()], completeAtMs, lastAtMs: events.at(-1)?.atMs };
}

function readEvents(progressFile) {
  let text = '';
  try {
    text = readFileSync(progressFile, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error; // no file of tests was begun
  }
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
