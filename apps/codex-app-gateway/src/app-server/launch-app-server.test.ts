import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { useCleanup, waitFor } from '@codex-gateways/testing';
import { PATIENCE_MS } from '../../test/patience.ts';
import { connect, createWorld, get } from '../../test/world.ts';
import type { AppGateway } from '../index.ts';

const LAPTOP = { exe_id: 'exe_laptop', name: 'laptop', is_default: true, is_online: true };

describe('app-servers that do not start', () => {
  const cleanup = useCleanup();

  const VERSION = '[ "$1" = --version ] && exec echo codex-cli 0.169.0';

  async function failure(script: string, overrides: Record<string, string> = {}) {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const program = join(world.stateDir, '..', 'program.sh');
    await writeFile(program, `#!/bin/sh\n${VERSION}\n${script}\n`);
    await chmod(program, 0o700);
    const gateway = await world.start({ CXG_CODEX_BIN: program, ...overrides });
    return { world, gateway, program, error: await refusal(gateway) };
  }

  const refusal = (gateway: AppGateway) =>
    connect(gateway).then(
      () => undefined,
      (refused: { status: number; body: string; headers: object }) => refused,
    );

  /** What still runs that was started for it, whoever's child it is by now. */
  async function processesOf(program: string): Promise<string[]> {
    const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
    return lines.filter((line) => line.includes(program));
  }

  it('are told of with the last lines that they wrote, before there is a WebSocket', async () => {
    const { world, gateway, error } = await failure('echo "no room left" >&2; echo "giving up" >&2; exit 3');
    expect(error).toMatchObject({ status: 503 });
    expect(error?.body).toContain('it ended with exit code 3; it wrote: no room left | giving up');
    let starts = 1;
    // The pause doubles with each failure: however slow everything is, a client comes within one of them.
    const inPause = async () => {
      const refused = await refusal(gateway);
      if (refused?.body.includes('it is started again shortly')) return refused;
      starts += 1;
      return undefined;
    };
    const refused = await waitFor(inPause, { timeoutMs: PATIENCE_MS, describe: 'a pause' });
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': expect.stringMatching(/^[1-9]\d?$/) } });
    await waitFor(() => world.revokedTurns().length === starts, {
      timeoutMs: PATIENCE_MS,
      describe: 'the turns to be revoked',
    });
    expect(await readdir(join(world.stateDir, 'processes'))).toEqual([]);
    expect((await get(gateway, '/metrics')).text).toMatch(/cxg_app_servers\{.*\} 0/);
  });

  it('are given up after their time, and killed', async () => {
    const { error, world, program } = await failure('sleep 1000', { CXG_APP_SERVER_START_TIMEOUT: '1s' });
    expect(error).toMatchObject({ status: 503, body: expect.stringContaining('was not ready after 1000 ms') });
    await waitFor(async () => (await processesOf(program)).length === 0, {
      timeoutMs: PATIENCE_MS,
      describe: 'all of it to end',
    });
    expect(await readdir(join(world.stateDir, 'processes'))).toEqual([]);
  });

  it('are given up when they say that they listen and do not', async () => {
    const script = 'echo "  listening on: ws://127.0.0.1:1" >&2; sleep 1000';
    const { error } = await failure(script, { CXG_APP_SERVER_START_TIMEOUT: '1s' });
    expect(error?.body).toContain('was not ready after 1000 ms');
  });

  it('are given up when they go on without their configuration', async () => {
    const script = 'echo "ERROR codex: Invalid configuration; using defaults. x" >&2; sleep 1000';
    expect((await failure(script)).error?.body).toContain('refused its configuration');
  });

  it('do not hold up the end of the gateway', async () => {
    const world = await createWorld(cleanup);
    const program = join(world.stateDir, '..', 'program.sh');
    await writeFile(program, `#!/bin/sh\n${VERSION}\nsleep 1000\n`);
    await chmod(program, 0o700);
    const gateway = await world.start({ CXG_CODEX_BIN: program, CXG_APP_SERVER_START_TIMEOUT: '1m' });
    const connecting = expect(connect(gateway)).rejects.toMatchObject({ status: 503 });
    const records = () => readdir(join(world.stateDir, 'processes'));
    await waitFor(async () => (await records()).length === 1, { timeoutMs: PATIENCE_MS, describe: 'the start' });
    await gateway.drain();
    await connecting;
    expect(await records()).toEqual([]);
  });
});
