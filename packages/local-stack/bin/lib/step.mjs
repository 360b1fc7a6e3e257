// One preparation step: a command whose output is shown only when it fails.
import { spawn } from 'node:child_process';

/** A step that did not work. `message` is one line for a person. */
export class StepError extends Error {}

const running = new Set();

/**
 * Runs a command quietly with one line of progress.
 * @throws {StepError} it failed; `output` holds what it wrote
 */
export async function runStep(title, command, { cwd, env }) {
  const progress = showProgress(title);
  const child = spawn(command[0], command.slice(1), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output = (output + text).slice(-200_000);
    });
  }
  const problem = await new Promise((resolve) => {
    child.once('error', (error) => resolve(`cannot run ${command[0]}: ${error.message}`));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? undefined : `failed with ${signal ?? `exit code ${code}`}`),
    );
  });
  running.delete(child);
  progress.end(problem === undefined);
  if (problem !== undefined) throw Object.assign(new StepError(`${title}: ${problem}`), { output });
}

/**
 * While steps run, Ctrl-C and SIGTERM end them and then the process.
 * @returns a function that hands later signals to what comes after the steps. The listeners stay the same: a signal that
 * arrives while a listener is exchanged for another would be lost.
 */
export function stopStepsOnSignals(exitCode) {
  let stopping = false;
  let react = (signal) => {
    if (stopping) return;
    stopping = true;
    for (const child of running) child.kill(signal);
    if (running.size === 0) process.exit(exitCode);
    for (const child of running) child.once('close', () => process.exit(exitCode));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, (received) => react(received));
  return (next) => {
    react = next;
  };
}

/** On a terminal the line counts the seconds; elsewhere it is written once. */
function showProgress(title) {
  const startedAt = Date.now();
  const seconds = () => `${Math.round((Date.now() - startedAt) / 1000)} s`;
  if (!process.stdout.isTTY) {
    process.stdout.write(`${title} ...\n`);
    return { end: (ok) => ok && process.stdout.write(`${title}: done in ${seconds()}\n`) };
  }
  const draw = () => process.stdout.write(`\r\u001b[2K${title} ... ${seconds()}`);
  draw();
  const timer = setInterval(draw, 1000);
  return {
    end: (ok) => {
      clearInterval(timer);
      process.stdout.write(`\r\u001b[2K${title}: ${ok ? 'done in' : 'stopped after'} ${seconds()}\n`);
    },
  };
}
