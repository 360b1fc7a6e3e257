import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identifyProcess } from '@codex-gateways/runtime';
import { StackError } from './stack-error.ts';
import { openStateFolder } from './state-folder.ts';

describe('state folder', () => {
  let parent: string;
  let path: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'codex-gateways-state-'));
    path = join(parent, 'deep', 'state');
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  const lock = () => join(path, 'stack.lock');

  it('is made with its parents, for its owner only', () => {
    openStateFolder(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(existsSync(join(path, 'logs'))).toBe(true);
  });

  it('is used by one stack at a time', () => {
    const folder = openStateFolder(path);
    expect(() => openStateFolder(path)).toThrow(`Codex Gateways already runs here (process ${process.pid})`);
    folder.release();
    openStateFolder(path).release();
  });

  it('names the living process that uses it', () => {
    const other = spawn('sleep', ['1000']);
    mkdirSync(path, { recursive: true });
    writeFileSync(lock(), JSON.stringify(identifyProcess(other.pid ?? 0)));
    expect(() => openStateFolder(path)).toThrow(`process ${other.pid}`);
    other.kill();
  });

  it.each([
    ['of a process that is gone', JSON.stringify({ pid: 4_000_000, startedAt: 'long ago' })],
    ['whose pid belongs to another program by now', JSON.stringify({ pid: process.pid, startedAt: 'long ago' })],
    ['that was cut off', '{"pid":'],
  ])('recovers from a lock %s', (_, content) => {
    mkdirSync(path, { recursive: true });
    writeFileSync(lock(), content);
    openStateFolder(path).release();
    expect(existsSync(lock())).toBe(false);
  });

  it.each([
    ['lies below a file', () => join(parent, 'file', 'state')],
    ['is a file', () => join(parent, 'file')],
    ['lies where nothing can be made', () => '/proc/state'],
  ])('says in one line that it cannot be used when it %s, and leaves what is there alone', (_, pathOf) => {
    writeFileSync(join(parent, 'file'), 'mine', { mode: 0o644 });
    expect(() => openStateFolder(pathOf())).toThrow(StackError);
    expect(() => openStateFolder(pathOf())).toThrow(/^the state folder \S+ cannot be used: [^\n]+$/);
    expect(statSync(join(parent, 'file')).mode & 0o777).toBe(0o644);
  });
});
