import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { useCleanup } from '@codex-gateways/testing';
import type { Command } from 'commander';
import { ExitCode } from './exit-code.ts';
import { createProgram } from './program.ts';
import { runCli } from './run-cli.ts';

/** The words of every command that does something, with `x` for each argument that it needs. */
function commandsBelow(command: Command, path: readonly string[] = []): string[][] {
  if (command.commands.length > 0)
    return command.commands.flatMap((each) => commandsBelow(each, [...path, each.name()]));
  const needed = command.registeredArguments.filter(({ required }) => required);
  return [[...path, ...needed.map(() => 'x')]];
}

const nothing = () => undefined;
const program = createProgram({
  version: '0',
  run: async () => undefined,
  writeOut: nothing,
  writeErr: nothing,
  complete: nothing,
});
// What it prints is for a shell.
const COMMANDS = commandsBelow(program).filter(([name]) => name !== 'completion');
/** Those that have something to tell all the same. */
const RESULTS = ['doctor', 'logout'];

describe('every command with --json, where nobody is signed in and no server answers', () => {
  const cleanup = useCleanup();

  async function run(args: readonly string[]) {
    const folder = mkdtempSync(join(tmpdir(), 'codex-gateways-cli-'));
    cleanup.after(() => rmSync(folder, { recursive: true, force: true }));
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const env = { HOME: folder, XDG_CONFIG_HOME: join(folder, 'config'), XDG_DATA_HOME: join(folder, 'data') };
    const bus = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent/bus' };
    const io = { env: { ...env, ...bus }, stdin, stdout, stderr, signal: new AbortController().signal };
    const code = await runCli([...args, '--json', '--server', 'http://127.0.0.1:1'], io, '0');
    stdout.end();
    stderr.end();
    return { code, stdout: await text(stdout), stderr: await text(stderr) };
  }

  it('is one of more than twenty', () => {
    expect(COMMANDS.length).toBeGreaterThan(20);
  });

  it.each(COMMANDS.map((args) => [args.join(' '), args] as const))(
    '%s says so in JSON and by its exit code',
    async (_, args) => {
      const { code, stdout, stderr } = await run(args);
      if (RESULTS.includes(args[0] ?? '')) {
        expect(JSON.parse(stdout)).toEqual(expect.any(Object));
        return;
      }
      expect([ExitCode.usage, ExitCode.notSignedIn, ExitCode.notReachable]).toContain(code);
      const last = stderr.trim().split('\n').at(-1) ?? '';
      expect(JSON.parse(last)).toEqual({ error: { code: expect.any(String), message: expect.any(String) } });
    },
  );
});
