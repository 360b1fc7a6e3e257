import { describeWith } from '../processes/programs.ts';
import { useCleanup } from '../processes/use-cleanup.ts';
import { startTerminal } from './start-terminal.ts';

describeWith('tmux')('startTerminal', () => {
  const cleanup = useCleanup();
  const env = { PATH: process.env.PATH ?? '', GREETING: 'hello' };
  const start = async (script: string) => {
    const terminal = await startTerminal({ command: ['/bin/sh', '-c', script], env, cwd: '/' });
    cleanup.after(() => terminal.close());
    return terminal;
  };

  it('shows what a program writes and takes what a person types', async () => {
    const terminal = await start(
      'test -t 0 && echo "$GREETING in $(pwd)"; read -r name; echo "it is $name"; exec sleep 60',
    );
    await terminal.waitForScreen(/^hello in \/$/m, 60_000);
    await terminal.type('Enter; not a key');
    await terminal.press('Enter');
    await expect(terminal.waitForScreen(/it is/, 60_000)).resolves.toMatch(/^it is Enter; not a key$/m);
  });

  it('keeps the last words of a program that ended', async () => {
    const terminal = await start('echo last words; exit 3');
    await expect(terminal.waitForScreen(/ended with exit code 3/, 60_000)).resolves.toMatch(/last words/);
  });

  it('says what is there in place of what was waited for', async () => {
    const terminal = await start('echo something else; exec sleep 60');
    await terminal.waitForScreen(/something/, 60_000);
    await expect(terminal.waitForScreen(/never/, 50)).rejects.toThrow(/\/never\/ on the screen[\s\S]*something else/);
  });
});
