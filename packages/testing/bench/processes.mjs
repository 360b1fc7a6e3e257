import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { whenThisProcessIsGone } from '@codex-gateways/testing';

const fileOf = (name) => fileURLToPath(new URL(name, import.meta.url));

/** A Node.js program under test as a process of its own. `memory()` collects its garbage and tells what is left. */
export function startProgram(script, { args = [], env = {}, nodeOptions = [] } = {}) {
  const options = ['--expose-gc', '--import', fileOf('memory-on-signal.mjs'), ...nodeOptions];
  const child = spawn(process.execPath, [...options, script, ...args], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  child.stdout.resume();
  child.once('exit', whenThisProcessIsGone('kill -s KILL "$1"', [String(child.pid)]));
  return {
    pid: child.pid,
    async memory() {
      const answer = once(child.stdio[3], 'data');
      child.kill('SIGUSR2');
      return JSON.parse(String((await answer)[0]));
    },
    async stop() {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/**
 * A load generator, a script that calls `serveCommands`, as a process of its own.
 * `run(command, options)` has it do one of its commands.
 */
export function startLoadGenerator(script) {
  const child = fork(script, { serialization: 'advanced' });
  const waiting = new Map();
  let onMark = () => {};
  let lastId = 0;
  child.on('message', ({ id, mark, result, error }) => {
    if (mark) {
      onMark(mark);
      return;
    }
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(error));
    else resolve(result);
  });
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the load generator is gone'));
  });
  return {
    /** @param onMarkOfTime - called with `begin` and `end` of the measured time */
    run(command, options = {}, onMarkOfTime = () => {}) {
      onMark = onMarkOfTime;
      lastId += 1;
      const id = lastId;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        child.send({ id, command, ...options });
      });
    },
    async stop() {
      if (!child.connected) return;
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}
