import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cachedFolder } from './cached-folder.ts';

describe('cachedFolder', () => {
  let cache: string;
  const pidOfDeadProcess = spawnSync('true').pid;

  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), 'cached-folder-'));
  });
  afterEach(() => rm(cache, { recursive: true }));

  it('fills the folder once for any number of callers at the same time', async () => {
    let fills = 0;
    const fill = async (staging: string) => {
      fills += 1;
      await writeFile(join(staging, 'content'), 'made');
    };
    const folders = await Promise.all(Array.from({ length: 4 }, () => cachedFolder(join(cache, 'thing'), fill)));
    expect(fills).toBe(1);
    expect(new Set(folders)).toEqual(new Set([join(cache, 'thing')]));
    expect(await readFile(join(cache, 'thing', 'content'), 'utf8')).toBe('made');
  });

  it('leaves nothing behind when filling fails, and fills at the next call', async () => {
    const failing = async (staging: string) => {
      await writeFile(join(staging, 'half'), '');
      throw new Error('no network');
    };
    await expect(cachedFolder(join(cache, 'thing'), failing)).rejects.toThrow('no network');
    expect(await readdir(cache)).toEqual([]);
    await cachedFolder(join(cache, 'thing'), async () => undefined);
    expect(await readdir(cache)).toEqual(['thing']);
  });

  it('takes over from a process that was killed half-way', async () => {
    await writeFile(join(cache, 'thing.lock'), String(pidOfDeadProcess));
    await mkdir(join(cache, `thing.part-${pidOfDeadProcess}-abc`));
    await cachedFolder(join(cache, 'thing'), async () => undefined);
    expect(await readdir(cache)).toEqual(['thing']);
  });

  it('leaves the unfinished work of a living process alone', async () => {
    await mkdir(join(cache, `thing.part-${process.pid}-abc`));
    await cachedFolder(join(cache, 'thing'), async () => undefined);
    expect((await readdir(cache)).sort()).toEqual(['thing', `thing.part-${process.pid}-abc`]);
  });
});
