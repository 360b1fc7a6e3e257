import { chmodSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { useTemporaryFolder } from '../../test/embedded-server.ts';
import { findClosedFolder } from './server-account.ts';

describe('folders closed to the server account', () => {
  const temporary = useTemporaryFolder();
  const stranger = { uid: 60_001, gid: 60_001 };

  it('names the nearest folder that others may not pass through', () => {
    const inner = join(realpathSync(temporary.path), 'open', 'inner');
    mkdirSync(inner, { recursive: true });
    for (const path of [temporary.path, join(temporary.path, 'open'), inner]) chmodSync(path, 0o755);
    expect(findClosedFolder(inner, stranger)).toBeUndefined();
    chmodSync(temporary.path, 0o700);
    expect(findClosedFolder(inner, stranger)).toBe(realpathSync(temporary.path));
  });

  it('judges the owner by the owner bits', () => {
    const owner = { uid: process.getuid?.() ?? 0, gid: 60_001 };
    chmodSync(temporary.path, 0o700);
    expect(findClosedFolder(realpathSync(temporary.path), owner)).toBeUndefined();
    chmodSync(temporary.path, 0o677);
    expect(findClosedFolder(realpathSync(temporary.path), owner)).toBe(realpathSync(temporary.path));
    chmodSync(temporary.path, 0o700);
  });
});
