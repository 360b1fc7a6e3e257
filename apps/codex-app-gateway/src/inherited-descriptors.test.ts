import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useCleanup, waitFor } from '@codex-gateways/testing';
import { PATIENCE_MS } from '../test/patience.ts';
import { createWorld } from '../test/world.ts';

// Node.js itself keeps the low ones from being passed on.
const DESCRIPTOR = 30;

describe('descriptors that whoever starts the gateway has open', () => {
  const cleanup = useCleanup();

  it('are open in no program that the gateway starts', async () => {
    const world = await createWorld(cleanup);
    await mkdir(world.stateDir, { recursive: true });
    const listing = join(world.stateDir, 'descriptors');
    const program = join(world.stateDir, 'codex');
    await writeFile(
      program,
      `#!/bin/sh\n/bin/ls -l /proc/self/fd > ${listing}.new\n/bin/mv ${listing}.new ${listing}\n`,
      {
        mode: 0o700,
      },
    );
    const gateway = startGateway(world.env({ CXG_CODEX_BIN: program, PATH: '/usr/bin:/bin' }));
    cleanup.after(async () => {
      const ended = once(gateway, 'exit');
      if (gateway.kill()) await ended;
    });
    const descriptors = await waitFor(() => readFile(listing, 'utf8').catch(() => ''), {
      timeoutMs: PATIENCE_MS,
      describe: 'the CLI to be asked for its version',
    });
    expect(descriptors).toMatch(/ 0 -> /);
    expect(descriptors).not.toMatch(new RegExp(` ${DESCRIPTOR} -> `));
  });
});

function startGateway(env: Record<string, string>): ChildProcess {
  const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const args = ['--conditions=source', '--import', file('../test/typescript-loader.mjs'), file('./main.ts')];
  const stdio = Array.from({ length: DESCRIPTOR + 1 }, (_, index) => (index === DESCRIPTOR ? 'pipe' : 'ignore'));
  return spawn(process.execPath, args, { env, stdio: stdio as ('pipe' | 'ignore')[] });
}
