import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codexBinary, createCodexHome, useCleanup } from '@codex-gateways/testing';
import { generationOf, parseGeneration } from './generation.ts';

describe('the generation of a CLI', () => {
  const cleanup = useCleanup();

  it.each([
    ['codex-cli 0.140.0\n', 'legacy', '0.140.0'],
    ['codex-cli 0.140.0-alpha.3', 'legacy', '0.140.0-alpha.3'],
    ['codex-cli 0.9.12', 'legacy', '0.9.12'],
    ['codex-cli 0.141.0\n', 'noise', '0.141.0'],
    ['codex-cli 1.2.3\n', 'noise', '1.2.3'],
    ['hello', 'noise', undefined],
    ['', 'noise', undefined],
  ])('is read from %j', (output, generation, version) => {
    expect(parseGeneration(output)).toEqual({ generation, version });
  });

  it('is asked of the real one; of what is none or hangs, it is the current one', async () => {
    const home = await createCodexHome();
    cleanup.after(() => home.remove());
    const where = { stateDir: home.path, path: '/usr/bin:/bin' };
    expect(await generationOf(await codexBinary(), where)).toMatchObject({
      generation: 'noise',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
    const hanging = join(home.path, 'hanging');
    await writeFile(hanging, '#!/bin/sh\nsleep 1000\n', { mode: 0o700 });
    expect(await generationOf(hanging, { ...where, timeoutMs: 200 })).toEqual({
      generation: 'noise',
      version: undefined,
    });
    expect(await generationOf('/bin/false', where)).toEqual({ generation: 'noise', version: undefined });
  });
});
