import { closeSync, mkdtempSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceLog } from './service-log.ts';

describe('log of a service', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'codex-gateways-log-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function write(log: ServiceLog, text: string): number {
    const { descriptor, offset } = log.open();
    writeSync(descriptor, text);
    closeSync(descriptor);
    return offset;
  }

  it('begins anew at each start and keeps the one before', () => {
    const log = new ServiceLog(folder, 'codex-auth');
    for (const text of ['first\n', 'second\n', 'third\n']) {
      log.rotate();
      write(log, text);
    }
    expect(readFileSync(log.path, 'utf8')).toBe('third\n');
    expect(readFileSync(`${log.path}.1`, 'utf8')).toBe('second\n');
    expect(statSync(log.path).mode & 0o077).toBe(0);
  });

  it('names the reason of a failed start, not its records and not its stack', () => {
    const log = new ServiceLog(folder, 'codex-auth');
    write(log, 'Error: of an earlier process\n');
    const offset = write(
      log,
      '{"level":"info","msg":"starting"}\nnode:internal\n    throw err;\nError: cannot listen on 127.0.0.1:1\n    at x (y.js:1)\n',
    );
    expect(log.reasonSince(offset)).toBe('Error: cannot listen on 127.0.0.1:1');
  });

  it('has no reason when the process said nothing but records', () => {
    const log = new ServiceLog(folder, 'codex-auth');
    expect(log.reasonSince(write(log, '{"level":"info"}\n'))).toBeUndefined();
  });
});
