import { existsSync } from 'node:fs';
import { codexBinary } from './codex-binary.ts';
import { createCodexHome } from './codex-home.ts';
import { runCodex } from './run-codex.ts';

describe('an older Codex CLI', () => {
  it('is installed into the cache once and runs from there', async () => {
    const [first, second] = await Promise.all([codexBinary('0.140.0'), codexBinary('0.140.0')]);
    expect(second).toBe(first);
    expect(existsSync(first)).toBe(true);
    const home = await createCodexHome();
    const { stdout } = await runCodex({ version: '0.140.0', args: ['--version'], home });
    expect(stdout).toBe('codex-cli 0.140.0\n');
    await home.remove();
  }, 300_000);

  it('that does not exist is named in the error', async () => {
    await expect(codexBinary('0.0.0-absent')).rejects.toThrow(/npm could not install @openai\/codex@0\.0\.0-absent/);
  });
});
